import Certificates
import COpenSSL
import NIOCore

/// TLS for one connection: OpenSSL between two memory BIOs, so that sockets stay NIO's.
///
/// Confined to its event loop. Ciphertext in → plain text out through `channelRead`; plain text in through `write`,
/// encrypted when flushed.
final class TLSHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private enum State { case handshaking, open, closed }

    private let handshakeTimeout: TimeAmount
    /// Told the cause when the peer breaks TLS or is not trusted.
    private let onFailure: (String) -> Void
    private let ssl: OpaquePointer
    /// Both belong to `ssl`, which frees them.
    private let input: OpaquePointer
    private let output: OpaquePointer
    private var state = State.handshaking
    private var pending: [(bytes: ByteBuffer, promise: EventLoopPromise<Void>?)] = []
    private var timeout: Scheduled<Void>?
    /// The client has said hello.
    private var hasBegun = false
    /// Whom the peer's certificate must be for; nil: that is not asked here.
    private let expected: String?
    /// What the peer's certificate is for, when it has one and has been verified.
    private(set) var peerURIs: [String] = []
    /// The peer has said in TLS that it says no more.
    private var isInputClosed = false
    /// Why TLS has ended, when it was not in peace.
    private(set) var failure: String?

    /// The server's side of a connection.
    convenience init(_ tls: TLSServerContext, loop: LoopContext) throws {
        try self.init(tls.context, TimeAmount(loop.limits.handshakeTimeout)) { _ in loop.count(.tls) }
        SSL_set_accept_state(ssl)
    }

    /// The client's side. A `TLSHandshakeDone` goes through the pipeline once the peer is trusted.
    convenience init(
        _ tls: TLSClientContext, server: String, peerURI: String? = nil, offersHTTP1Alone: Bool = false, timeout: TimeAmount, onFailure: @escaping (String) -> Void
    ) throws {
        try self.init(tls.context, timeout, expected: peerURI, onFailure)
        if peerURI == nil { try tls.name(server, on: ssl) }
        if offersHTTP1Alone {
            let name: StaticString = "\u{8}http/1.1"
            SSL_set_alpn_protos(ssl, name.utf8Start, UInt32(name.utf8CodeUnitCount))
        }
        SSL_set_connect_state(ssl)
    }

    /// OpenSSL counts the users of `context`, so that it lives as long as this.
    private init(
        _ context: OpaquePointer, _ handshakeTimeout: TimeAmount, expected: String? = nil, _ onFailure: @escaping (String) -> Void
    ) throws {
        self.handshakeTimeout = handshakeTimeout
        self.expected = expected
        self.onFailure = onFailure
        ERR_clear_error()
        guard let ssl = SSL_new(context) else { throw TLSError(description: "Out of memory for a TLS connection.") }
        guard let input = BIO_new(BIO_s_mem()), let output = BIO_new(BIO_s_mem()) else {
            SSL_free(ssl)
            throw TLSError(description: "Out of memory for a TLS connection.")
        }
        SSL_set_bio(ssl, input, output)
        self.ssl = ssl
        self.input = input
        self.output = output
    }

    deinit { SSL_free(ssl) }

    func handlerAdded(context: ChannelHandlerContext) {
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        let this = NIOLoopBound(self, eventLoop: context.eventLoop)
        timeout = context.eventLoop.scheduleTask(in: handshakeTimeout) {
            guard this.value.state == .handshaking else { return }
            this.value.fail(bound.value, "the TLS handshake took too long")
        }
        if context.channel.isActive { channelActive(context: context) }
    }

    func channelActive(context: ChannelHandlerContext) {
        // Only a client speaks first; a server waits for what comes.
        guard state == .handshaking, SSL_is_server(ssl) == 0, !hasBegun else { return context.fireChannelActive() }
        hasBegun = true
        context.fireChannelActive()
        shakeHands(context)
        sendCiphertext(context)
        context.flush()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        timeout?.cancel()
        failPending()
    }

    func channelInactive(context: ChannelHandlerContext) {
        timeout?.cancel()
        state = .closed
        failPending()
        context.fireChannelInactive()
    }

    // MARK: In

    /// The end of the bytes without that of TLS: what came may have been cut (RFC 8446 §6.1).
    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case ChannelEvent.inputClosed? = event as? ChannelEvent else { return context.fireUserInboundEventTriggered(event) }
        if !isInputClosed { context.close(promise: nil) }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard state != .closed else { return }
        let bytes = unwrapInboundIn(data)
        let taken = bytes.withUnsafeReadableBytes { BIO_write(input, $0.baseAddress, Int32(clamping: $0.count)) }
        guard Int(taken) == bytes.readableBytes else { return fail(context, "out of memory") }
        if state == .handshaking { shakeHands(context) }
        if state == .open { decrypt(context) }
        sendCiphertext(context)
        context.flush()
    }

    private func shakeHands(_ context: ChannelHandlerContext) {
        ERR_clear_error()
        let result = SSL_do_handshake(ssl)
        if result == 1 {
            readPeer()
            if let expected, peerURIs != [expected] {
                let found = peerURIs.isEmpty ? "nobody" : peerURIs.map(\.debugDescription).joined(separator: " and ")
                return fail(context, "its certificate is for \(found), not for \"\(expected)\"")
            }
            state = .open
            timeout?.cancel()
            timeout = nil
            if SSL_is_server(ssl) == 0 { context.fireUserInboundEventTriggered(TLSHandshakeDone(protocol: agreedProtocol)) }
            encryptPending(context)
            return
        }
        let cause = SSL_get_error(ssl, result)
        if cause != SSL_ERROR_WANT_READ, cause != SSL_ERROR_WANT_WRITE { fail(context, handshakeCause()) }
    }

    private func readPeer() {
        guard let certificate = SSL_get0_peer_certificate(ssl), SSL_get_verify_result(ssl) == X509_V_OK else { return }
        peerURIs = Certificate.uris(of: certificate)
    }

    /// Whether the connection has the settings of `context`, and not of one before.
    func isOf(_ context: OpaquePointer) -> Bool { SSL_get_SSL_CTX(ssl) == context }

    /// Whether `roots` vouch for the peer now.
    func isVouchedFor(by roots: [Certificate]) -> Bool {
        guard let certificate = SSL_get0_peer_certificate(ssl) else { return false }
        let chain = SSL_get_peer_cert_chain(ssl)
        let others = (0..<max(OPENSSL_sk_num(chain), 0)).compactMap { OPENSSL_sk_value(chain, $0).map { OpaquePointer($0) } }
        return Credentials.verdict(certificate, chain: others, roots: roots) == nil
    }

    /// What ALPN chose; empty when nothing was.
    private var agreedProtocol: String {
        var name: UnsafePointer<UInt8>?
        var length: UInt32 = 0
        SSL_get0_alpn_selected(ssl, &name, &length)
        return String(decoding: UnsafeBufferPointer(start: name, count: Int(length)), as: UTF8.self)
    }

    private func handshakeCause() -> String {
        let verdict = SSL_get_verify_result(ssl)
        guard verdict != X509_V_OK, SSL_is_server(ssl) == 0 else { return OpenSSLError.take() }
        ERR_clear_error()
        return "its certificate is not trusted: " + String(cString: X509_verify_cert_error_string(verdict))
    }

    private func decrypt(_ context: ChannelHandlerContext) {
        while state == .open {
            var plain = context.channel.allocator.buffer(capacity: 16 << 10)
            var result: Int32 = 0
            ERR_clear_error()
            plain.writeWithUnsafeMutableBytes(minimumWritableBytes: 16 << 10) { target in
                result = SSL_read(ssl, target.baseAddress, Int32(clamping: target.count))
                return Int(max(0, result))
            }
            if result > 0 {
                context.fireChannelRead(wrapInboundOut(plain))
                continue
            }
            switch SSL_get_error(ssl, result) {
            case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: return
            case SSL_ERROR_ZERO_RETURN:
                // close_notify: the peer says no more. What it has asked for may still be of use to it.
                guard SSL_is_server(ssl) == 1 else { return context.close(promise: nil) }
                if !isInputClosed {
                    isInputClosed = true
                    context.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
                }
                return
            default:
                fail(context, OpenSSLError.take())
                return
            }
        }
    }

    /// The peer broke TLS: it gets OpenSSL's alert, and that is all.
    private func fail(_ context: ChannelHandlerContext, _ cause: String) {
        guard state != .closed else { return }
        state = .closed
        failure = cause
        onFailure(cause)
        sendCiphertext(context)
        context.flush()
        failPending()
        context.close(promise: nil)
    }

    // MARK: Out

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard state != .closed else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        pending.append((unwrapOutboundIn(data), promise))
    }

    func flush(context: ChannelHandlerContext) {
        if state == .open { encryptPending(context) }
        sendCiphertext(context)
        context.flush()
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        if state == .open {
            encryptPending(context)
            ERR_clear_error()
            SSL_shutdown(ssl)
            sendCiphertext(context)
            context.flush()
        }
        if mode == .all { state = .closed }
        context.close(mode: mode, promise: promise)
    }

    private func encryptPending(_ context: ChannelHandlerContext) {
        let batch = pending
        pending.removeAll(keepingCapacity: true)
        for (bytes, promise) in batch {
            guard bytes.readableBytes > 0 else {
                promise?.succeed(())
                continue
            }
            ERR_clear_error()
            // A memory BIO takes everything, so this can't be partial.
            let written = bytes.withUnsafeReadableBytes { SSL_write(ssl, $0.baseAddress, Int32(clamping: $0.count)) }
            guard Int(written) == bytes.readableBytes else {
                promise?.fail(ChannelError.ioOnClosedChannel)
                fail(context, OpenSSLError.take())
                return
            }
            sendCiphertext(context, promise)
        }
    }

    private func sendCiphertext(_ context: ChannelHandlerContext, _ promise: EventLoopPromise<Void>? = nil) {
        let count = Int(BIO_ctrl_pending(output))
        guard count > 0 else {
            promise?.succeed(())
            return
        }
        var bytes = context.channel.allocator.buffer(capacity: count)
        bytes.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { target in
            Int(max(0, BIO_read(output, target.baseAddress, Int32(clamping: count))))
        }
        context.write(wrapOutboundOut(bytes), promise: promise)
    }

    private func failPending() {
        let batch = pending
        pending = []
        for (_, promise) in batch { promise?.fail(ChannelError.ioOnClosedChannel) }
    }
}

/// The client's side of a TLS connection is up: the peer is trusted, and this is what it speaks.
struct TLSHandshakeDone {
    /// What ALPN chose; empty when the server knows no ALPN.
    let `protocol`: String
}
