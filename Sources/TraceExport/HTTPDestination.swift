package import NIOCore
package import Tracing
package import Transport

/// Posts batches: OTLP over HTTP, or Zipkin.
package struct HTTPDestination: SpanDestination {
    package enum Form: Sendable {
        case otlp
        case zipkin
    }

    package var name: String { form == .otlp ? "otlp" : "zipkin" }
    private let form: Form
    private let path: String
    private let headers: [(String, String)]
    private let timeout: Duration
    private let service: String
    private let version: String
    private let client: NIOLoopBound<HTTPClient>

    /// On the event loop of `loop`. `headers` may hold secrets: they are sent, and shown nowhere.
    package init(
        _ form: Form, _ target: ExportTarget, headers: [(String, String)], timeout: Duration, service: String, version: String, loop: ClientLoop
    ) throws {
        self.form = form
        path = target.path
        self.headers = headers.map { ($0.0.lowercased(), $0.1) }
        self.timeout = timeout
        self.service = service
        self.version = version
        client = NIOLoopBound(
            HTTPClient(try target.client(wire: .http1), loop: loop, name: "the collector of traces"), eventLoop: loop.eventLoop)
    }

    package func send(_ spans: [Span]) async -> SpanDelivery {
        var body: ByteBuffer
        switch form {
        case .otlp: body = OTLPSpans.with(spans, service: service, version: version) { ByteBuffer(bytes: $0) }
        case .zipkin: body = ByteBuffer(bytes: ZipkinSpans.json(spans, service: service))
        }
        let type = form == .otlp ? "application/x-protobuf" : "application/json"
        let promise = client.eventLoop.makePromise(of: SpanDelivery.self)
        client.eventLoop.execute { [client, path, headers, timeout, body] in
            let request = HTTPClientRequest(
                method: "POST", target: path, headers: [("content-type", type)] + headers, body: body, timeout: timeout)
            client.value.send(request) { result in
                switch result {
                case .failure(let error): promise.succeed(.again(cause: error.description))
                case .success(let response): promise.succeed(Self.outcome(response))
                }
            }
        }
        return (try? await promise.futureResult.get()) ?? .again(cause: "the event loop has ended")
    }

    /// Source: OTLP, "OTLP/HTTP Response", which says what may be sent again.
    private static func outcome(_ response: HTTPClientResponse) -> SpanDelivery {
        switch response.status {
        case 200..<300: .taken
        case 429, 502, 503, 504:
            .again(
                cause: "the collector answered with status \(response.status)",
                after: response.headers["retry-after" as StaticString].flatMap { Int($0) }.map { .seconds($0) })
        default: .refused(cause: "the collector answered with status \(response.status)")
        }
    }

    package func close() async { try? await client.eventLoop.submit { [client] in client.value.close() }.get() }
}
