package import NIOCore

/// Sends requests and gRPC calls to one target from one event loop. Confined to it.
///
/// Connections are made when they are needed, used again, and closed when idle. A request that the server has certainly
/// not begun with is sent again on another connection by itself, at most twice; so is an idempotent one on a connection
/// that was closed while it lay idle.
package final class HTTPClient {
    package var target: ClientTarget { pool.target }
    package let loop: ClientLoop
    private let pool: ConnectionPool

    /// `name` is the peer in error messages, e.g. `the app`.
    package init(_ target: ClientTarget, loop: ClientLoop, name: String) {
        self.loop = loop
        pool = ConnectionPool(target, loop: loop, name: "\(name) at \(target.endpoint.text)")
    }

    /// Runs on the event loop when a connection has been closed by the peer or broken, not by us, or did not come
    /// about.
    package var onConnectionLost: (() -> Void)? {
        get { pool.onConnectionLost }
        set { pool.onConnectionLost = newValue }
    }

    /// Sends a request and collects the response, at most `ClientLimits.maxResponseSize` bytes of body.
    package func send(_ request: HTTPClientRequest, _ done: @escaping HTTPClientRequest.Done) {
        request.expect(done)
        start(request)
    }

    /// Sends a request; the response goes to `receiver` as it comes.
    package func send(_ request: HTTPClientRequest, to receiver: any HTTPClientReceiver) {
        request.expect(receiver)
        start(request)
    }

    /// Starts a gRPC call, which needs HTTP/2.
    package func start(_ call: GRPCClientCall) { start(call as ClientExchange) }

    /// The same; `now`: what the clock has just said.
    package func start(_ call: GRPCClientCall, now: NIODeadline) { start(call as ClientExchange, now) }

    private func start(_ exchange: ClientExchange, _ now: NIODeadline? = nil) {
        exchange.begin(on: loop, pool: pool, now)
        pool.dispatch(exchange)
    }

    /// New connections have other certificates and other trust from now on. What is in flight stays where it is, unless the
    /// peer is not trusted any more.
    package func use(_ tls: TLSClientContext) { pool.use(tls) }

    /// Why a connection to `target` did not come about, in a few words.
    package static func cause(_ error: any Error, target: ClientTarget) -> String { ClientHandshake.cause(error, target) }

    /// Closes every connection. What is in flight or waiting fails with `shutdown`; so does what is sent later.
    package func close() { pool.close() }
}
