package import NIOCore
package import Tracing
package import Transport

/// Sends batches by OTLP over gRPC.
package struct GRPCDestination: SpanDestination {
    package var name: String { "otlp" }
    private let headers: [(String, String)]
    private let timeout: Duration
    private let service: String
    private let version: String
    private let client: NIOLoopBound<HTTPClient>

    /// On the event loop of `loop`. `headers` may hold secrets: they are sent, and shown nowhere.
    package init(
        _ target: ExportTarget, headers: [(String, String)], timeout: Duration, service: String, version: String, loop: ClientLoop
    ) throws {
        self.headers = headers.map { ($0.0.lowercased(), $0.1) }
        self.timeout = timeout
        self.service = service
        self.version = version
        client = NIOLoopBound(
            HTTPClient(try target.client(wire: .http2), loop: loop, name: "the collector of traces"), eventLoop: loop.eventLoop)
    }

    package func send(_ spans: [Span]) async -> SpanDelivery {
        let message = OTLPSpans.with(spans, service: service, version: version) { Array($0) }
        let promise = client.eventLoop.makePromise(of: SpanDelivery.self)
        client.eventLoop.execute { [client, headers, timeout] in
            let call = message.withUnsafeBytes {
                GRPCClientCall(
                    unary: "/opentelemetry.proto.collector.trace.v1.TraceService/Export", metadata: headers, timeout: timeout, message: $0
                ) { status, _ in promise.succeed(Self.outcome(status)) }
            }
            client.value.start(call)
        }
        return (try? await promise.futureResult.get()) ?? .again(cause: "the event loop has ended")
    }

    /// Source: OTLP, "OTLP/gRPC Response", which says what may be sent again.
    private static func outcome(_ status: GRPCStatus) -> SpanDelivery {
        switch status.code {
        case .ok: .taken
        case .cancelled, .deadlineExceeded, .resourceExhausted, .aborted, .outOfRange, .unavailable, .dataLoss:
            .again(cause: "\(status)")
        default: .refused(cause: "\(status)")
        }
    }

    package func close() async { try? await client.eventLoop.submit { [client] in client.value.close() }.get() }
}
