import BuildingBlocks
import JSONText
import NIOCore
import Tracing
import Transport

/// Calls to an HTTP app. Source: Dapr's calls from the sidecar to the app.
extension AppLoop {
    func postTopic(_ event: AppTopicEvent, _ delivery: ActivityRef, _ done: @escaping (Result<AppVerdict, AppFailure>) -> Void) {
        var headers = event.metadata
        headers.append(("pubsubname", event.pubsubName))
        post(event.path, event.contentType, headers, event.trace, event.envelope, delivery, timeout: event.timeout) { result in
            done(result.flatMap { Self.verdict($0) })
        }
    }

    func postBatch(_ batch: AppTopicBatch, _ delivery: ActivityRef, _ done: @escaping (Result<[AppVerdict], AppFailure>) -> Void) {
        let headers = batch.metadata + [("pubsubname", batch.pubsubName)]
        post(batch.path, "application/json", headers, batch.trace, Self.json(batch), delivery, timeout: batch.timeout) { result in
            done(result.flatMap { Self.verdicts($0, batch) })
        }
    }

    func postBinding(_ event: AppBindingEvent, _ delivery: ActivityRef, _ done: @escaping (Result<AppBindingReply, AppFailure>) -> Void) {
        post(event.route, event.contentType, event.metadata, event.trace, event.data, delivery, timeout: event.timeout) { result in
            done(result.flatMap { response in
                guard response.status == 200 else { return .failure(Self.failure(response, "the binding \(event.name)")) }
                return .success(Self.bindingReply(Array(response.body.readableBytesView)))
            })
        }
    }

    func postConfiguration(_ body: [UInt8], _ path: String, _ done: @escaping (Result<Void, AppFailure>) -> Void) {
        post(path, "application/json", [], AppTrace(), body) { result in
            done(result.flatMap { response in
                200..<300 ~= response.status ? .success(()) : .failure(Self.failure(response, "a change of configuration"))
            })
        }
    }

    /// 2xx and 405 are a yes: an app that takes POST alone need not know OPTIONS.
    func askBinding(_ route: String, _ done: @escaping (Result<Bool, AppFailure>) -> Void) {
        send("OPTIONS", route, [], nil, timeout: options.bindingTimeout) { result in
            done(result.map { 200..<300 ~= $0.status || $0.status == 405 })
        }
    }

    // MARK: Sending

    private func post(
        _ path: String, _ contentType: String, _ headers: [(String, String)], _ trace: AppTrace, _ body: [UInt8],
        _ delivery: ActivityRef? = nil, timeout: Duration? = nil, _ done: @escaping (Result<HTTPClientResponse, AppFailure>) -> Void
    ) {
        let own = [("content-type", contentType)] + headers.filter { $0.0.lowercased() != "content-type" && !TraceContext.isField($0.0.lowercased()) } + trace.fields
        send("POST", path, own, ByteBuffer(bytes: body), timeout: timeout) { result in
            delivery?.live?.sizes = (body.count, (try? result.get())?.body.readableBytes ?? 0)
            done(result)
        }
    }

    /// Sends with the app's token.
    func send(
        _ method: String, _ path: String, _ headers: [(String, String)], _ body: ByteBuffer?, timeout: Duration?,
        _ done: @escaping (Result<HTTPClientResponse, AppFailure>) -> Void
    ) {
        let request = HTTPClientRequest(
            method: method, target: path, headers: headers + tokenFields, body: body, timeout: timeout)
        client.send(request) { done($0.mapError(AppFailure.init)) }
    }

    var tokenFields: [(String, String)] { options.token.isEmpty ? [] : [("dapr-api-token", options.token)] }

    // MARK: Answers

    static func failure(_ response: HTTPClientResponse, _ what: String) -> AppFailure {
        AppFailure(
            .status(response.status), "The app answered with status \(response.status) to \(what).", mayHaveTakenEffect: true)
    }

    static func verdict(_ response: HTTPClientResponse) -> Result<AppVerdict, AppFailure> {
        if response.status == 404 { return .success(.drop) }
        guard 200..<300 ~= response.status else { return .failure(failure(response, "a message")) }
        // A body that can't be read is a success, as no body is.
        let status = response.body.withUnsafeReadableBytes { bytes -> String? in
            bytes.isEmpty ? nil : (try? JSONValue(parsing: bytes))?["status"]?.string
        }
        return .success(verdict(word: status ?? ""))
    }

    private static func verdict(word: String) -> AppVerdict {
        switch word {
        case "SUCCESS", "": .success
        case "DROP": .drop
        default: .retry
        }
    }

    static func verdicts(_ response: HTTPClientResponse, _ batch: AppTopicBatch) -> Result<[AppVerdict], AppFailure> {
        if response.status == 404 { return .success(batch.entries.map { _ in .drop }) }
        guard 200..<300 ~= response.status else { return .failure(failure(response, "a batch of messages")) }
        let parsed = response.body.withUnsafeReadableBytes { try? JSONValue(parsing: $0) }
        var words: [String: String] = [:]
        for one in parsed?["statuses"]?.array ?? [] {
            if let id = one["entryId"]?.string, let word = one["status"]?.string { words[id] = word }
        }
        return .success(
            batch.entries.map { entry in
                guard let word = words[entry.entryID], !word.isEmpty else { return .retry }
                return verdict(word: word)
            })
    }

    /// The members that ask for something, if it has them; the whole of it is for the component. Source: Dapr's answers to
    /// the events of input bindings.
    static func bindingReply(_ body: [UInt8]) -> AppBindingReply {
        guard body.first == UInt8(ascii: "{"), let json = try? JSONValue(parsing: body) else {
            return AppBindingReply(data: body)
        }
        var reply = AppBindingReply(
            data: body, forwarded: json["data"].map(text) ?? [], to: (json["to"]?.array ?? []).compactMap(\.string),
            isParallel: json["concurrency"]?.string?.lowercased() == "parallel")
        reply.storeName = json["storeName"]?.string ?? ""
        if !reply.storeName.isEmpty { reply.states = (json["state"]?.array ?? []).compactMap(item) }
        return reply
    }

    private static func text(_ value: JSONValue) -> [UInt8] {
        var writer = JSONWriter()
        writer.value(value)
        return writer.bytes
    }

    /// An item of state, as in the body of Dapr's state API; nil without a key.
    private static func item(_ json: JSONValue) -> StateWrite? {
        guard let key = json["key"]?.string else { return nil }
        return StateWrite(
            key: key, value: json["value"].map(text) ?? Array("null".utf8), etag: StateWrite.condition(json["etag"]?.string),
            metadata: (json["metadata"]?.members ?? []).compactMap { member in member.value.string.map { (member.name, $0) } },
            concurrency: StateWrite.concurrency(json["options"]?["concurrency"]?.string ?? ""),
            consistency: StateWrite.consistency(json["options"]?["consistency"]?.string ?? ""))
    }

    private static func json(_ batch: AppTopicBatch) -> [UInt8] {
        var writer = JSONWriter(reserving: batch.entries.reduce(256) { $0 + $1.event.envelope.count + 128 })
        writer.beginObject()
        writer.member("id", batch.id)
        writer.name("entries")
        writer.beginArray()
        for entry in batch.entries {
            writer.beginObject()
            writer.member("entryId", entry.entryID)
            writer.name("event")
            if entry.isRaw {
                writer.string(Base64.encode(entry.event.data, padded: true))
            } else {
                entry.event.envelope.withUnsafeBytes { writer.raw($0) }
            }
            writer.member("contentType", entry.event.contentType)
            writeMetadata(entry.event.metadata, &writer)
            writer.endObject()
        }
        writer.endArray()
        writeMetadata(batch.metadata, &writer)
        writer.member("topic", batch.topic)
        writer.member("pubsubname", batch.pubsubName)
        writer.member("type", "com.dapr.event.sent.bulk")
        writer.endObject()
        return writer.bytes
    }

    private static func writeMetadata(_ metadata: [(String, String)], _ writer: inout JSONWriter) {
        writer.name("metadata")
        writer.beginObject()
        for (name, value) in metadata { writer.member(name, value) }
        writer.endObject()
    }
}

extension AppTrace {
    var fields: [(String, String)] {
        (parent.isEmpty ? [] : [("traceparent", parent)]) + (state.isEmpty ? [] : [("tracestate", state)])
    }
}

extension AppFailure {
    init(_ error: ClientError) {
        let kind: Kind =
            switch error.kind {
            case .unreachable, .closed, .reset, .shutdown: .unreachable
            case .timeout: .timeout
            case .overloaded: .overloaded
            case .unsupported, .malformed, .tooLarge: .malformed
            }
        self.init(kind, error.description, mayHaveTakenEffect: error.mayHaveBeenSeen)
    }
}
