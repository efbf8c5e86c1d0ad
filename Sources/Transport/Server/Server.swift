package import NIOCore
package import NIOPosix
import NIOConcurrencyHelpers

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

    /// The name of the server in logs and metrics, e.g. `public`.
    package let name: String
    /// The addresses bound, in the order of the endpoints, with the ports that the kernel chose.
    package let addresses: [SocketAddress]

    private let listeners: [any Channel]
    private let loops: [NIOLoopBound<LoopContext>]
    private let refused: NIOLockedValueBox<UInt64>

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
        var loops: [NIOLoopBound<LoopContext>] = []
        for (index, loop) in Array(group.makeIterator()).enumerated() {
            let bound = try await loop.submit {
                NIOLoopBound(
                    LoopContext(
                        eventLoop: loop, index: index, limits: limits, tls: tls,
                        application: application(loop, index)),
                    eventLoop: loop)
            }.get()
            loops.append(bound)
        }
        let acceptor = Acceptor(loops: loops, limits: limits)
        var listeners: [any Channel] = []
        do {
            for endpoint in endpoints { listeners.append(try await acceptor.listen(endpoint, group: group)) }
        } catch {
            for listener in listeners { try? await listener.close() }
            throw error
        }
        return Server(name: name, listeners: listeners, loops: loops, refused: acceptor.refused)
    }

    private init(
        name: String, listeners: [any Channel], loops: [NIOLoopBound<LoopContext>],
        refused: NIOLockedValueBox<UInt64>
    ) {
        self.name = name
        self.listeners = listeners
        self.loops = loops
        self.refused = refused
        addresses = listeners.compactMap(\.localAddress)
    }

    /// Stops: takes no new connections, tells peers to go away (HTTP/2 GOAWAY in two steps, RFC 9113 §6.8;
    /// HTTP/1.1 `connection: close`), waits until what is in flight is answered, at most `grace`, cancels the
    /// rest, closes. Returns when every connection is closed. Calling it again waits for the same end.
    package func drain(grace: Duration) async {
        for listener in listeners { try? await listener.close() }
        for address in addresses {
            if let path = address.pathname, !path.isEmpty { Acceptor.removeSocket(path) }
        }
        let drained = loops.map { bound -> EventLoopFuture<Void> in
            let loop = bound.eventLoop
            let promise = loop.makePromise(of: Void.self)
            loop.execute { bound.value.drain(promise) }
            let cut = loop.scheduleTask(in: TimeAmount(grace)) { bound.value.cut() }
            promise.futureResult.whenComplete { _ in cut.cancel() }
            return promise.futureResult
        }
        for future in drained { try? await future.get() }
    }

    /// New connections have other certificates and other trust from now on; returns when that is so on every event loop.
    /// Who is connected is asked to come again, without losing what is in flight; who is not trusted any more is cut off.
    package func use(_ tls: TLSServerContext) async {
        for bound in loops { try? await bound.eventLoop.submit { bound.value.use(tls) }.get() }
    }

    /// The counts now. Asks every event loop once; costs the data path nothing.
    package func statistics() async -> Statistics {
        var sum = Statistics()
        for bound in loops {
            let part = try? await bound.eventLoop.submit { bound.value.statistics }.get()
            if let part { sum.add(part) }
        }
        sum.refusedConnections = refused.withLockedValue { $0 }
        return sum
    }
}

/// Why a server could not start.
package struct ServerError: Error, CustomStringConvertible {
    /// A sentence that names the endpoint and the cause.
    package let description: String
}
