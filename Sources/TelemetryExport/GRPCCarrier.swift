import NIOCore
package import Transport

/// Sends messages of OTLP over gRPC.
package struct GRPCCarrier: Carrier {
    private let method: String
    private let headers: [(String, String)]
    private let timeout: Duration
    private let client: NIOLoopBound<HTTPClient>

    /// On the event loop of `loop`. `headers` may hold secrets: they are sent, and shown nowhere.
    package init(_ signal: OTLPSignal, _ target: ExportTarget, headers: [(String, String)], timeout: Duration, loop: ClientLoop) throws {
        method = signal.method
        self.headers = headers.map { ($0.0.lowercased(), $0.1) }
        self.timeout = timeout
        client = NIOLoopBound(
            HTTPClient(try target.client(wire: .http2), loop: loop, name: "the collector of \(signal.rawValue)"), eventLoop: loop.eventLoop)
    }

    package func send(_ message: [UInt8]) async -> Delivery {
        let promise = client.eventLoop.makePromise(of: Delivery.self)
        client.eventLoop.execute { [client, method, headers, timeout] in
            let call = message.withUnsafeBytes {
                GRPCClientCall(unary: method, metadata: headers, timeout: timeout, message: $0) { status, answer in
                    promise.succeed(Self.outcome(status, answer))
                }
            }
            client.value.start(call)
        }
        return (try? await promise.futureResult.get()) ?? .again(cause: "the event loop has ended")
    }

    /// Source: OTLP, "OTLP/gRPC Response", which says what may be sent again.
    private static func outcome(_ status: GRPCStatus, _ answer: UnsafeRawBufferPointer) -> Delivery {
        switch status.code {
        case .ok: OTLPSignal.outcome(answer)
        case .cancelled, .deadlineExceeded, .resourceExhausted, .aborted, .outOfRange, .unavailable, .dataLoss:
            .again(cause: "\(status)")
        default: .refused(cause: "\(status)")
        }
    }

    package func close() async { try? await client.eventLoop.submit { [client] in client.value.close() }.get() }
}
