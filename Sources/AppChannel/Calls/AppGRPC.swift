import BuildingBlocks
import DaprProtos
import JSONText
import NIOCore
import ProtoWire
import Tracing
import Transport

/// Calls to a gRPC app. Source: Dapr's `AppCallback`, `AppCallbackAlpha`, `AppCallbackHealthCheck`.
extension AppLoop {
    private static let service = "/dapr.proto.runtime.v1.AppCallback/"
    private static let alphaService = "/dapr.proto.runtime.v1.AppCallbackAlpha/"

    func callTopic(_ event: AppTopicEvent, _ delivery: ActivityRef, _ done: @escaping (Result<AppVerdict, AppFailure>) -> Void) {
        let request = Dapr_Proto_Runtime_V1_TopicEventRequest.with {
            $0.id = event.id
            $0.source = event.source
            $0.type = event.type
            $0.specVersion = event.specVersion
            $0.dataContentType = event.dataContentType
            $0.topic = event.topic
            $0.data = event.data
            $0.pubsubName = event.pubsubName
            $0.path = event.path
            if !event.extensions.isEmpty { $0.extensions = .init(event.extensions) }
        }
        call(
            Self.service + "OnTopicEvent", request, event.metadata, event.trace,
            Dapr_Proto_Runtime_V1_TopicEventResponse.self, delivery, timeout: event.timeout
        ) { result in
            switch result {
            case .success(let response): done(.success(AppVerdict(response.status)))
            case .failure(let failure) where failure.isUnimplemented: done(.success(.discard))
            case .failure(let failure): done(.failure(failure))
            }
        }
    }

    func callBatch(_ batch: AppTopicBatch, _ delivery: ActivityRef, _ done: @escaping (Result<[AppVerdict], AppFailure>) -> Void) {
        let request = Dapr_Proto_Runtime_V1_TopicEventBulkRequest(batch)
        let finish = { (result: Result<Dapr_Proto_Runtime_V1_TopicEventBulkResponse, AppFailure>) in
            done(result.map { response in
                var verdicts: [String: AppVerdict] = [:]
                for one in response.statuses { verdicts[one.entryID] = AppVerdict(one.status) }
                return batch.entries.map { verdicts[$0.entryID] ?? .retry }
            })
        }
        let alpha = { [self] in
            call(
                Self.alphaService + "OnBulkTopicEventAlpha1", request, batch.metadata, batch.trace,
                Dapr_Proto_Runtime_V1_TopicEventBulkResponse.self, delivery, timeout: batch.timeout, finish)
        }
        if hasOnlyAlphaBulk { return alpha() }
        call(
            Self.service + "OnBulkTopicEvent", request, batch.metadata, batch.trace,
            Dapr_Proto_Runtime_V1_TopicEventBulkResponse.self, delivery, timeout: batch.timeout
        ) { [self] result in
            guard case .failure(let failure) = result, failure.isUnimplemented else { return finish(result) }
            hasOnlyAlphaBulk = true
            alpha()
        }
    }

    func callBinding(_ event: AppBindingEvent, _ delivery: ActivityRef, _ done: @escaping (Result<AppBindingReply, AppFailure>) -> Void) {
        let request = Dapr_Proto_Runtime_V1_BindingEventRequest.with {
            $0.name = event.name
            $0.data = event.data
            $0.metadata = Dictionary(event.metadata, uniquingKeysWith: { $1 })
        }
        call(
            Self.service + "OnBindingEvent", request, [], event.trace, Dapr_Proto_Runtime_V1_BindingEventResponse.self, delivery,
            timeout: event.timeout
        ) { result in
            done(result.map { response in
                var reply = AppBindingReply(
                    data: response.data, forwarded: response.data, to: response.to, isParallel: response.concurrency == .parallel)
                reply.storeName = response.storeName
                if !reply.storeName.isEmpty { reply.states = response.states.map { StateWrite(saving: $0) } }
                return reply
            })
        }
    }

    /// UNIMPLEMENTED: it has none.
    func listBindings(_ done: @escaping (Result<[String], AppFailure>) -> Void) {
        call(
            Self.service + "ListInputBindings", Google_Protobuf_Empty(), [], AppTrace(),
            Dapr_Proto_Runtime_V1_ListInputBindingsResponse.self, timeout: options.bindingTimeout
        ) { result in
            if case .failure(let failure) = result, failure.isUnimplemented { return done(.success([])) }
            done(result.map(\.bindings))
        }
    }

    func listSubscriptions(
        _ done: @escaping (Result<Dapr_Proto_Runtime_V1_ListTopicSubscriptionsResponse, AppFailure>) -> Void
    ) {
        call(
            Self.service + "ListTopicSubscriptions", Google_Protobuf_Empty(), [], AppTrace(),
            Dapr_Proto_Runtime_V1_ListTopicSubscriptionsResponse.self, timeout: options.discoveryTimeout
        ) { result in
            if case .failure(let failure) = result, failure.isUnimplemented { return done(.success(.init())) }
            done(result)
        }
    }

    func checkHealth(timeout: Duration, _ done: @escaping (Result<Void, AppFailure>) -> Void) {
        call(
            "/dapr.proto.runtime.v1.AppCallbackHealthCheck/HealthCheck", Google_Protobuf_Empty(), [], AppTrace(),
            Dapr_Proto_Runtime_V1_HealthCheckResponse.self, timeout: timeout
        ) { done($0.map { _ in }) }
    }

    private func call<Request: Message, Response: Message>(
        _ path: String, _ request: Request, _ metadata: [(String, String)], _ trace: AppTrace, _ type: Response.Type,
        _ delivery: ActivityRef? = nil, timeout: Duration? = nil, _ done: @escaping (Result<Response, AppFailure>) -> Void
    ) {
        var call: GRPCClientCall?
        let made = request.withSerializedBytes { bytes in
            let sent = bytes.count
            return GRPCClientCall(
                unary: path, metadata: metadata.filter { !TraceContext.isField($0.0.lowercased()) } + trace.metadata + tokenFields, timeout: timeout, message: bytes
            ) { status, message in
                let mayHaveBeenSeen = call?.mayHaveBeenSeen ?? true
                let broken = (call?.failure).map { AppFailure($0) }
                call = nil
                delivery?.live?.sizes = (sent, message.count)
                if let broken, broken.kind == .unreachable { return done(.failure(broken)) }
                guard status.code == .ok else { return done(.failure(AppFailure(status, path, mayHaveBeenSeen))) }
                do {
                    done(.success(try Response(serializedBytes: message)))
                } catch {
                    let text = "The app's answer to \(path) is no \(Response.protoMessageName): \(error)."
                    done(.failure(AppFailure(.malformed, text, mayHaveTakenEffect: true)))
                }
            }
        }
        call = made
        client.start(made)
    }
}

extension StateWrite {
    /// An item that a gRPC app wants saved. The ABI counts words of concurrency and consistency as Dapr does.
    fileprivate init(saving item: Dapr_Proto_Common_V1_StateItem) {
        let (concurrency, consistency) = (item.options.concurrency.rawValue, item.options.consistency.rawValue)
        self.init(
            key: item.key, value: Array(item.value), etag: StateWrite.condition(item.hasEtag ? item.etag.value : nil),
            metadata: item.metadata.map { ($0.key, $0.value) },
            concurrency: (0...2).contains(concurrency) ? Int32(concurrency) : 0,
            consistency: (0...2).contains(consistency) ? Int32(consistency) : 0)
    }
}

extension AppFailure {
    fileprivate init(_ status: GRPCStatus, _ path: String, _ mayHaveBeenSeen: Bool) {
        switch status.code {
        case .unavailable where !mayHaveBeenSeen:
            self.init(.unreachable, status.message, mayHaveTakenEffect: false)
        case .deadlineExceeded:
            self.init(.timeout, "The app did not answer \(path) in time.", mayHaveTakenEffect: mayHaveBeenSeen)
        default:
            self.init(
                .code(status.code.rawValue), "The app answered \(path) with \(status).", mayHaveTakenEffect: mayHaveBeenSeen)
        }
    }

    var isUnimplemented: Bool { kind == .code(GRPCCode.unimplemented.rawValue) }
}

extension AppVerdict {
    fileprivate init(_ status: Dapr_Proto_Runtime_V1_TopicEventResponse.TopicEventResponseStatus) {
        switch status {
        case .success: self = .success
        case .drop: self = .drop
        case .retry, .UNRECOGNIZED: self = .retry
        }
    }
}

/// `google.protobuf.Empty`, which has no fields.
struct Google_Protobuf_Empty: Message {
    static var protoMessageName: String { "google.protobuf.Empty" }
    init() {}
    mutating func decode(_ input: inout ProtoReader) throws(ProtoError) {
        while try input.nextField() != nil { try input.skip() }
    }
    func encode(_ output: inout ProtoWriter) {}
}
