import NIOCore

/// The first handler of a connection: tells TLS, HTTP/2 and HTTP/1.1 apart by the first bytes, puts the right handlers
/// behind itself, hands on what it has read and leaves.
///
/// Confined to the event loop of its connection.
final class ProtocolDetector: ChannelInboundHandler, RemovableChannelHandler, Connection {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private let loop: LoopContext
    private let peer: SocketAddress?
    /// What has taken TLS off already.
    private let tls: TLSHandler?
    private var isSecure: Bool { tls != nil }
    /// Whether a TLS handshake must come first.
    private let expectsTLS: Bool
    var registryIndex = -1
    private var context: ChannelHandlerContext?
    private var seen = ByteBuffer()
    private var opened: NIODeadline
    private var isDone = false

    init(loop: LoopContext, peer: SocketAddress?, tls: TLSHandler? = nil) {
        self.loop = loop
        self.peer = peer
        self.tls = tls
        expectsTLS = loop.tls != nil && tls == nil
        opened = loop.now
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        loop.add(self)
        opened = loop.now
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        loop.remove(self)
        self.context = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isDone else {
            context.fireChannelRead(data)
            return
        }
        var bytes = unwrapInboundIn(data)
        if seen.readableBytes == 0 { seen = bytes } else { seen.writeBuffer(&bytes) }
        detect(context)
    }

    /// The protocol that ALPN agreed on, once the handshake is through; the bytes still decide.
    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed? = event as? ChannelEvent, !isDone { return context.close(promise: nil) }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        loop.remove(self)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    private enum Verdict { case undecided, tls, http1, http2, refused }

    private func detect(_ context: ChannelHandlerContext) {
        let verdict = seen.withUnsafeReadableBytes { bytes -> Verdict in
            if expectsTLS {
                // A TLS record of a handshake starts with 22 (RFC 8446 §5.1), no HTTP request does.
                if bytes.first == 22 { return .tls }
                if loop.tls?.allowsPlaintext != true { return .refused }
            }
            let preface = Self.preface.bytes
            let common = min(bytes.count, preface.count)
            guard zip(bytes[..<common], preface[..<common]).allSatisfy(==) else {
                return loop.tls?.requiresHTTP2 == true ? .refused : .http1
            }
            return common == preface.count ? .http2 : .undecided
        }
        do {
            switch verdict {
            case .undecided: return
            case .refused:
                loop.count(.tls)
                context.close(promise: nil)
                return
            case .tls: try addTLS(context)
            case .http1:
                let connection = HTTP1Connection(loop: loop, peer: peer, tls: tls)
                try connection.install(context.pipeline.syncOperations, after: self)
                loop.judge(connection)
            case .http2:
                let connection = HTTP2Connection(loop: loop, peer: peer, tls: tls)
                try context.pipeline.syncOperations.addHandler(connection, position: .after(self))
                loop.judge(connection)
            }
        } catch {
            context.close(promise: nil)
            return
        }
        isDone = true
        let bytes = seen
        seen = ByteBuffer()
        // Removal is asynchronous; what comes until then passes through.
        loop.remove(self)
        context.fireChannelRead(wrapInboundOut(bytes))
        context.pipeline.syncOperations.removeHandler(self).whenFailure { _ in }
    }

    private func addTLS(_ context: ChannelHandlerContext) throws {
        guard let tls = loop.tls else { return }
        let handler = try TLSHandler(tls, loop: loop)
        let next = ProtocolDetector(loop: loop, peer: peer, tls: handler)
        try context.pipeline.syncOperations.addHandlers([handler, next], position: .after(self))
    }

    /// RFC 9113 §3.4.
    private static let preface: StaticString = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

    // MARK: Connection

    func tick(_ now: NIODeadline) {
        let limit = isSecure || expectsTLS ? loop.limits.handshakeTimeout : loop.limits.headerTimeout
        guard now - opened > TimeAmount(max(limit, loop.limits.headerTimeout)) else { return }
        loop.count(.slowHeaders)
        context?.close(promise: nil)
    }

    func drain() { context?.close(promise: nil) }

    func cut() { context?.close(promise: nil) }
}
