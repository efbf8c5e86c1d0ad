import BuildingBlocks
import DaprProtos
import Invocation
import NIOCore
import ProtoWire
import Tracing
import Transport

/// Calls of other apps to this one.
extension AppLoop: InvokedApp {
    var isGRPC: Bool { options.wire.isGRPC }
    var token: String { options.token }

    func enter(_ begin: @escaping (_ left: @escaping () -> Void) -> Void, refused: @escaping (String) -> Void) {
        inTurn({ (result: Result<Void, AppFailure>) in
            if case .failure(let failure) = result { refused(failure.description) }
        }) { done in begin { done(.success(())) } }
    }

    /// `OnInvoke`. Source: Dapr's calls of gRPC apps.
    func invoke(_ invocation: UnaryInvocation, _ done: @escaping UnaryInvocation.Done) {
        var request = Dapr_Proto_Common_V1_InvokeRequest()
        let parts = invocation.path.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        request.method = String(parts[0].drop { $0 == "/" })
        request.httpExtension.verb = .init(word: invocation.method)
        if parts.count == 2 { request.httpExtension.querystring = String(parts[1]) }
        request.data.value = Array(invocation.body.readableBytesView)
        var metadata: [(String, String)] = []
        for (name, value) in invocation.fields {
            if name == "content-type" {
                request.contentType = value
                continue
            }
            if name == "traceparent", let context = TraceContext(parent: value) {
                metadata.append(("grpc-trace-bin", context.binaryText))
            }
            metadata.append((PermanentFields.contains(name) ? "dapr-" + name : name, value))
        }
        if !token.isEmpty { metadata.append(("dapr-api-token", token)) }
        let answer = OnInvokeAnswer(options.appID, done)
        let call = GRPCClientCall(
            streaming: "/dapr.proto.runtime.v1.AppCallback/OnInvoke", metadata: metadata, timeout: invocation.timeout,
            receiver: answer)
        answer.call = call
        client.start(call)
        request.withSerializedBytes { _ = call.send($0) }
        call.finishSending()
    }
}

/// What a gRPC app answers to `OnInvoke`.
private final class OnInvokeAnswer: GRPCClientReceiver {
    private let app: String
    private let done: UnaryInvocation.Done
    private var fields: [(String, String)] = []
    private var response: Dapr_Proto_Common_V1_InvokeResponse?
    private var isMalformed = false
    /// Until the end.
    var call: GRPCClientCall?

    init(_ app: String, _ done: @escaping UnaryInvocation.Done) {
        self.app = app
        self.done = done
    }

    func receive(metadata: HeaderFields) { take(metadata) }

    func receive(reply message: UnsafeRawBufferPointer) {
        do throws(ProtoError) {
            response = try Dapr_Proto_Common_V1_InvokeResponse(serializedBytes: message)
        } catch {
            isMalformed = true
        }
        call?.requestMore(1)
    }

    func ended(_ status: GRPCStatus, trailers: HeaderFields) {
        let failure = call?.failure
        call = nil
        take(trailers)
        if let failure { return done(.failure(.unreachable(app: app, cause: failure.description))) }
        guard status.code == .ok else {
            return done(.success(.init(status: status.code.httpStatus, fields: fields, body: ByteBuffer(), grpc: status)))
        }
        guard let response, !isMalformed else {
            return done(.failure(.unreachable(app: app, cause: "the app's answer to OnInvoke is no InvokeResponse")))
        }
        if !response.contentType.isEmpty { fields.append(("content-type", response.contentType)) }
        done(.success(.init(status: 200, fields: fields, body: ByteBuffer(bytes: response.data.value))))
    }

    private func take(_ headers: HeaderFields) {
        headers.forEach { name, value in
            let name = String(decoding: name, as: UTF8.self)
            if name.hasPrefix("grpc-") || name == "content-type" || name == "date" { return }
            fields.append((name, String(decoding: value, as: UTF8.self)))
        }
    }
}

/// Fields of HTTP itself, which a gRPC app gets under other names. Source: Dapr's metadata of `OnInvoke` (the permanent
/// fields of the registry).
private enum PermanentFields {
    static func contains(_ name: String) -> Bool { names.contains(name) }

    private static let names: Set<String> = [
        "accept", "accept-charset", "accept-language", "accept-ranges", "authorization", "cache-control", "content-type",
        "cookie", "date", "expect", "from", "host", "if-match", "if-modified-since", "if-none-match", "if-schedule-tag-match",
        "if-unmodified-since", "max-forwards", "origin", "pragma", "referer", "user-agent", "via", "warning",
    ]
}
