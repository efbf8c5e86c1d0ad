import NIOCore
package import Transport

/// Posts messages: of OTLP, or JSON.
package struct HTTPCarrier: Carrier {
    private let type: String
    private let path: String
    private let headers: [(String, String)]
    private let timeout: Duration
    private let client: NIOLoopBound<HTTPClient>

    /// On the event loop of `loop`. `type`: of the content. `headers` may hold secrets: they are sent, and shown nowhere.
    package init(
        _ type: String, _ target: ExportTarget, headers: [(String, String)], timeout: Duration, name: String, loop: ClientLoop
    ) throws {
        self.type = type
        path = target.path
        self.headers = headers.map { ($0.0.lowercased(), $0.1) }
        self.timeout = timeout
        client = NIOLoopBound(HTTPClient(try target.client(wire: .http1), loop: loop, name: name), eventLoop: loop.eventLoop)
    }

    /// For messages of OTLP.
    package init(_ signal: OTLPSignal, _ target: ExportTarget, headers: [(String, String)], timeout: Duration, loop: ClientLoop) throws {
        try self.init(
            "application/x-protobuf", target, headers: headers, timeout: timeout, name: "the collector of \(signal.rawValue)", loop: loop)
    }

    package func send(_ message: [UInt8]) async -> Delivery {
        let promise = client.eventLoop.makePromise(of: Delivery.self)
        client.eventLoop.execute { [client, type, path, headers, timeout] in
            let request = HTTPClientRequest(
                method: "POST", target: path, headers: [("content-type", type)] + headers, body: ByteBuffer(bytes: message), timeout: timeout)
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
    private static func outcome(_ response: HTTPClientResponse) -> Delivery {
        switch response.status {
        case 200..<300:
            response.headers["content-type" as StaticString] == "application/x-protobuf"
                ? response.body.withUnsafeReadableBytes { OTLPSignal.outcome($0) } : .taken
        case 429, 502, 503, 504:
            .again(
                cause: "the collector answered with status \(response.status)",
                after: response.headers["retry-after" as StaticString].flatMap { Int($0) }.map { .seconds(max($0, 0)) })
        default: .refused(cause: "the collector answered with status \(response.status)")
        }
    }

    package func close() async { try? await client.eventLoop.submit { [client] in client.value.close() }.get() }
}
