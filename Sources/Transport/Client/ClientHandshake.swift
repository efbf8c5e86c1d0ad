import NIOCore
import NIOPosix

#if canImport(Glibc)
    import Glibc
#endif

/// The first handler of a connection that is being made: once it is up, with TLS once the server is trusted, it puts the
/// handler of the protocol behind itself and leaves. Tells the pool exactly once how it ended.
///
/// Confined to the event loop of its connection.
final class ClientHandshake: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer

    private let pool: ConnectionPool
    private var isDone = false
    private var cause: String?
    private var tls: TLSHandler?

    private init(_ pool: ConnectionPool) { self.pool = pool }

    /// Makes a connection for `pool`.
    static func connect(_ pool: ConnectionPool) {
        let limits = pool.loop.limits
        let eventLoop = pool.loop.eventLoop
        let handshake = NIOLoopBound(ClientHandshake(pool), eventLoop: eventLoop)
        let bootstrap = ClientBootstrap(group: eventLoop)
            .connectTimeout(TimeAmount(limits.connectTimeout))
            .channelOption(.maxMessagesPerRead, value: 4)
            .channelOption(
                .recvAllocator,
                value: AdaptiveRecvByteBufferAllocator(minimum: 4 << 10, initial: 16 << 10, maximum: 64 << 10)
            )
            .channelOption(.writeBufferWaterMark, value: .init(low: 64 << 10, high: 512 << 10))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try handshake.value.install(channel.pipeline.syncOperations) }
            }
        let connected: EventLoopFuture<any Channel>
        switch pool.target.endpoint {
        case .unix(let path): connected = bootstrap.connect(unixDomainSocketPath: path)
        case .tcp(let host, let port):
            let tcp = bootstrap.channelOption(.tcpOption(.tcp_nodelay), value: 1)
            // An address needs no resolver, which would ask on another thread.
            if let address = try? SocketAddress(ipAddress: host, port: port) {
                connected = tcp.connect(to: address)
            } else {
                connected = tcp.connect(host: host, port: port)
            }
        }
        let target = pool.target
        connected.whenFailure { handshake.value.fail(Self.cause($0, target)) }
    }

    private func install(_ pipeline: ChannelPipeline.SynchronousOperations) throws {
        if let tls = pool.target.tls {
            let handler = try TLSHandler(
                tls, server: pool.target.host, peerURI: pool.target.peerURI, offersHTTP1Alone: pool.target.wire == .http1,
                timeout: TimeAmount(pool.loop.limits.handshakeTimeout)
            ) { [self] in cause = "TLS failed: \($0)" }
            self.tls = handler
            try pipeline.addHandler(handler)
        }
        try pipeline.addHandler(self)
    }

    func channelActive(context: ChannelHandlerContext) {
        if pool.target.tls == nil { finish(context, pool.target.wire == .http2 ? .http2 : .http1) }
        context.fireChannelActive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard let event = event as? TLSHandshakeDone else { return context.fireUserInboundEventTriggered(event) }
        let isHTTP2 = event.protocol == "h2"
        if pool.target.wire == .http2, !isHTTP2 {
            fail("it does not agree to HTTP/2 (ALPN)")
            return context.close(promise: nil)
        }
        finish(context, isHTTP2 ? .http2 : .http1)
    }

    func channelInactive(context: ChannelHandlerContext) {
        fail(cause ?? "the connection was closed during the handshake")
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if isDone { return context.fireErrorCaught(error) }
        cause = Self.cause(error, pool.target)
        context.close(promise: nil)
    }

    private func finish(_ context: ChannelHandlerContext, _ wire: ClientTarget.Wire) {
        guard !isDone else { return }
        isDone = true
        let handler = pool.connected(wire: wire, tls: tls)
        do {
            try context.pipeline.syncOperations.addHandler(handler, position: .after(self))
        } catch {
            context.close(promise: nil)
            return
        }
        context.pipeline.syncOperations.removeHandler(self).whenFailure { _ in }
        if let connection = handler as? HTTP2ClientConnection { pool.ready(connection) }
        if let connection = handler as? HTTP1ClientConnection { pool.ready(connection) }
    }

    private func fail(_ cause: String) {
        guard !isDone else { return }
        isDone = true
        pool.connectFailed(ClientError(.unreachable, "\(pool.name) can't be reached: \(cause).", mayHaveBeenSeen: false))
    }

    static func cause(_ error: any Error, _ target: ClientTarget) -> String {
        switch error {
        case let error as IOError: return String(cString: strerror(error.errnoCode))
        case ChannelError.connectTimeout: return "no connection in time"
        case let error as NIOConnectionError:
            if let first = error.connectionErrors.first { return cause(first.error, target) }
            if error.dnsAError != nil || error.dnsAAAAError != nil { return "the name \(error.host) is not known" }
            return "\(error)"
        case let error as TLSError: return error.description
        case SocketAddressError.unixDomainSocketPathTooLong: return "the path is longer than the 107 bytes of a Unix socket"
        default: return "\(error)"
        }
    }
}
