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

    private let loop: LoopContext
    private let ssl: OpaquePointer
    /// Both belong to `ssl`, which frees them.
    private let input: OpaquePointer
    private let output: OpaquePointer
    private var state = State.handshaking
    private var pending: [(bytes: ByteBuffer, promise: EventLoopPromise<Void>?)] = []
    private var timeout: Scheduled<Void>?

    init(_ tls: TLSServerContext, loop: LoopContext) throws {
        self.loop = loop
        ERR_clear_error()
        guard let ssl = SSL_new(tls.context) else { throw TLSError(description: "Out of memory for a TLS connection.") }
        guard let input = BIO_new(BIO_s_mem()), let output = BIO_new(BIO_s_mem()) else {
            SSL_free(ssl)
            throw TLSError(description: "Out of memory for a TLS connection.")
        }
        SSL_set_bio(ssl, input, output)
        SSL_set_accept_state(ssl)
        self.ssl = ssl
        self.input = input
        self.output = output
    }

    deinit { SSL_free(ssl) }

    func handlerAdded(context: ChannelHandlerContext) {
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        let this = NIOLoopBound(self, eventLoop: context.eventLoop)
        timeout = context.eventLoop.scheduleTask(in: TimeAmount(loop.limits.handshakeTimeout)) {
            guard this.value.state == .handshaking else { return }
            this.value.fail(bound.value)
        }
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

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard state != .closed else { return }
        let bytes = unwrapInboundIn(data)
        let taken = bytes.withUnsafeReadableBytes { BIO_write(input, $0.baseAddress, Int32(clamping: $0.count)) }
        guard Int(taken) == bytes.readableBytes else { return fail(context) }
        if state == .handshaking { shakeHands(context) }
        if state == .open { decrypt(context) }
        sendCiphertext(context)
        context.flush()
    }

    private func shakeHands(_ context: ChannelHandlerContext) {
        ERR_clear_error()
        let result = SSL_do_handshake(ssl)
        if result == 1 {
            state = .open
            timeout?.cancel()
            timeout = nil
            encryptPending(context)
            return
        }
        let cause = SSL_get_error(ssl, result)
        if cause != SSL_ERROR_WANT_READ, cause != SSL_ERROR_WANT_WRITE { fail(context) }
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
                // close_notify: the peer says no more; what we still have to say is of no use to it.
                context.close(promise: nil)
                return
            default:
                fail(context)
                return
            }
        }
    }

    /// The peer broke TLS: it gets OpenSSL's alert, and that is all.
    private func fail(_ context: ChannelHandlerContext) {
        guard state != .closed else { return }
        state = .closed
        loop.count(.tls)
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
                fail(context)
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
