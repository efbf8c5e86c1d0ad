import CNGHTTP2
import NIOCore

/// One HTTP/2 connection: bytes from the channel go into nghttp2, what nghttp2 wants to say goes out, once for each turn.
///
/// Confined to its event loop. Requests may be answered from inside nghttp2's callbacks: that only queues frames;
/// `flush` runs when no callback does.
final class HTTP2Connection: ChannelInboundHandler, SecureConnection {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    let loop: LoopContext
    let peer: SocketAddress?
    /// nil in plain text.
    let tls: TLSHandler?
    var isSecure: Bool { tls != nil }
    var peerURIs: [String] { tls?.peerURIs ?? [] }
    var registryIndex = -1

    /// nghttp2's session from `handlerAdded` until the channel is inactive. Everything that belongs to it is used on
    /// the event loop alone.
    private(set) var session: OpaquePointer?
    /// The open streams: this array owns them.
    var streams: [HTTP2Stream] = []
    /// The stream whose header block is coming in; header blocks are never interleaved (RFC 9113 §4.3).
    /// Not counted: it is among `streams` until nghttp2 closes it, which it does not do in the middle of one.
    var receivingHead: Unmanaged<HTTP2Stream>?
    /// Some answer was complete before its request: the ends of answers are looked at from now on.
    var hasEarlyAnswers = false
    /// Inside of nghttp2's receiving or sending: nothing may be flushed or torn down.
    private(set) var isReceiving = false
    private var isSending = false

    private var context: ChannelHandlerContext?
    private var isDirty = false
    private var turnStreams: [HTTP2Stream] = []
    private var isReadPaused = false
    /// Close as soon as what nghttp2 has queued is written.
    private var isClosing = false
    private var isOutputClosed = false

    var headStarted: NIODeadline?
    private var opened: NIODeadline
    private var lastRead: NIODeadline
    private var idleSince: NIODeadline
    private var pingSent: NIODeadline?
    private var unwritableSince: NIODeadline?
    /// Nothing is sent any more: the peer has a second from here to read.
    private var closingSince: NIODeadline?
    /// What has been said last is on its way, as a tick has found.
    private var writingSince: NIODeadline?
    private var drainStarted: NIODeadline?
    private var isGoingAway = false
    private var controlFrames = 0
    private var controlWindow: NIODeadline

    init(loop: LoopContext, peer: SocketAddress?, tls: TLSHandler? = nil) {
        self.loop = loop
        self.peer = peer
        self.tls = tls
        opened = loop.now
        lastRead = loop.now
        idleSince = loop.now
        controlWindow = loop.now
    }

    // MARK: Channel

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        session = makeSession()
        guard session != nil else {
            context.close(promise: nil)
            return
        }
        loop.add(self)
        idleSince = loop.now
        opened = loop.now
        lastRead = loop.now
        controlWindow = loop.now
        flush()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard let session, !isClosing else { return }
        let buffer = unwrapInboundIn(data)
        lastRead = loop.now
        pingSent = nil
        isReceiving = true
        let result = buffer.withUnsafeReadableBytes { bytes in
            nghttp2_session_mem_recv(session, bytes.assumingMemoryBound(to: UInt8.self).baseAddress, bytes.count)
        }
        isReceiving = false
        if result < 0 { receivingFailed(Int32(truncatingIfNeeded: result)) }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        finishTurn()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable {
            unwritableSince = nil
            flush()
        } else if unwritableSince == nil {
            unwritableSince = loop.now
        }
        pauseReading(!context.channel.isWritable)
    }

    /// A peer that sends nothing more opens no windows either: there is no half of such a connection.
    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed? = event as? ChannelEvent { return context.close(promise: nil) }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        tearDown()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        tearDown()
        self.context = nil
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    private func pauseReading(_ pause: Bool) {
        guard pause != isReadPaused, let channel = context?.channel else { return }
        isReadPaused = pause
        channel.setOption(.autoRead, value: !pause).whenFailure { _ in }
        if !pause { channel.read() }
    }

    // MARK: Sending

    /// There is something to send: it goes out at the end of what is being read, or of this turn of the event loop.
    func markDirty() {
        guard !isDirty else { return }
        isDirty = true
        if !isReceiving { loop.flushAtEndOfTurn(self) }
    }

    /// `stream` wants messages delivered or `writable()` called at the end of the turn.
    func needsTurn(_ stream: HTTP2Stream) {
        guard !stream.needsTurn else { return }
        stream.needsTurn = true
        turnStreams.append(stream)
        markDirty()
    }

    /// Delivers what was put off to the end of the turn, then writes.
    func finishTurn() {
        isDirty = false
        guard session != nil else { return }
        if !turnStreams.isEmpty {
            let batch = turnStreams
            turnStreams.removeAll(keepingCapacity: true)
            // A stream that closed meanwhile may have been taken for another: it then has no turn of its own to do.
            for stream in batch where stream.connection === self && stream.needsTurn {
                stream.needsTurn = false
                stream.turn()
            }
        }
        flush()
    }

    private func flush() {
        guard let session, let context, !isReceiving, !isSending else { return }
        isSending = true
        while context.channel.isWritable {
            var bytes: UnsafePointer<UInt8>?
            let count = nghttp2_session_mem_send(session, &bytes)
            if count > 0 { loop.outgoing.writeBytes(UnsafeRawBufferPointer(start: bytes, count: count)) }
            if count < 0 { isClosing = true }
            if count <= 0 { break }
            if loop.outgoing.readableBytes >= 64 << 10 { writeOut(context) }
        }
        if loop.outgoing.readableBytes > 0 { writeOut(context) }
        isSending = false
        guard self.session != nil else { return }
        if nghttp2_session_want_read(session) == 0, nghttp2_session_want_write(session) == 0 { isClosing = true }
        if isClosing, nghttp2_session_want_write(session) == 0 { closeGently(context) }
    }

    /// Sends our end and leaves the peer a second to read it: closing with unread bytes would make the kernel throw
    /// away what we said last.
    private func closeGently(_ context: ChannelHandlerContext) {
        guard !isOutputClosed else { return }
        isOutputClosed = true
        // A long answer to a slow reader is still on its way: the second begins when the kernel has taken all of it.
        let bound = NIOLoopBound(self, eventLoop: loop.eventLoop)
        let sent = loop.eventLoop.makePromise(of: Void.self)
        sent.futureResult.whenComplete { _ in
            if bound.value.closingSince == nil { bound.value.closingSince = .now() }
        }
        context.close(mode: .output, promise: sent)
    }

    private func writeOut(_ context: ChannelHandlerContext) {
        context.writeAndFlush(wrapOutboundOut(loop.outgoing), promise: nil)
        // The channel has let go of the bytes if it could write them at once; then this keeps their memory.
        loop.outgoing.clear()
        loop.busyPoll?.wrote(to: context.channel)
    }

    /// Takes `length` bytes of `stream` as a DATA frame. Called by nghttp2 while `flush` runs.
    func writeData(header: UnsafePointer<UInt8>, length: Int, of stream: HTTP2Stream) {
        let loop = loop
        loop.outgoing.writeWithUnsafeMutableBytes(minimumWritableBytes: length + 9) { target in
            target.copyMemory(from: UnsafeRawBufferPointer(start: header, count: 9))
            stream.outgoing.withUnsafeReadableBytes { bytes in
                UnsafeMutableRawBufferPointer(rebasing: target[9...])
                    .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<length]))
            }
            return length + 9
        }
        if length == stream.outgoing.readableBytes {
            stream.outgoing.clear()
        } else {
            stream.outgoing.moveReaderIndex(forwardBy: length)
        }
        stream.lastOutput = loop.now
        if stream.isAboveHighWater, stream.outgoing.readableBytes <= loop.limits.sendLowWater {
            stream.isAboveHighWater = false
            stream.owesWritable = true
            needsTurn(stream)
        }
    }

    // MARK: Ending

    private func receivingFailed(_ code: Int32) {
        loop.count(code == NGHTTP2_ERR_FLOODED.rawValue ? .flood : .malformedHTTP2)
        // What has been said already stands.
        guard let session, !isClosing else { return }
        // A client that does not speak HTTP/2 gets nothing; others learn why (RFC 9113 §5.4.1).
        if code != NGHTTP2_ERR_BAD_CLIENT_MAGIC.rawValue {
            let error = code == NGHTTP2_ERR_FLOODED.rawValue ? NGHTTP2_ENHANCE_YOUR_CALM : NGHTTP2_PROTOCOL_ERROR
            nghttp2_session_terminate_session(session, UInt32(error.rawValue))
        }
        isClosing = true
        closingSince = .now()
    }

    /// Sends GOAWAY with `code` and a text, and closes.
    func goAway(_ code: nghttp2_error_code, _ text: StaticString) {
        guard let session, !isClosing else { return }
        nghttp2_submit_goaway(
            session, UInt8(NGHTTP2_FLAG_NONE.rawValue), nghttp2_session_get_last_proc_stream_id(session),
            UInt32(code.rawValue), text.utf8Start, text.utf8CodeUnitCount)
        isClosing = true
        closingSince = .now()
        markDirty()
    }

    /// Counts a frame that makes work without carrying any (CVE-2019-9512, -9514, -9515, -9518, CVE-2023-44487).
    func countControlFrame() {
        controlFrames += 1
        if controlFrames == loop.limits.maxControlFrames + 1 {
            loop.count(.flood)
            goAway(NGHTTP2_ENHANCE_YOUR_CALM, "too many pings, settings, resets or empty frames")
        }
    }

    func drain() {
        guard let session, drainStarted == nil, !isClosing else { return }
        // Not the time of the last tick, which may be as long ago as a peer has.
        drainStarted = .now()
        // First "no new connections please", then, a round trip later, the real last stream (RFC 9113 §6.8).
        nghttp2_submit_shutdown_notice(session)
        submitPing(Self.drainPing)
        markDirty()
    }

    /// A ping has come back.
    func pingAcknowledged(_ payload: UInt64) {
        if payload == Self.drainPing { sendLastGoAway() }
    }

    private func sendLastGoAway() {
        guard let session, !isGoingAway, !isClosing else { return }
        isGoingAway = true
        nghttp2_submit_goaway(
            session, UInt8(NGHTTP2_FLAG_NONE.rawValue), nghttp2_session_get_last_proc_stream_id(session),
            UInt32(NGHTTP2_NO_ERROR.rawValue), nil, 0)
        if streams.isEmpty { isClosing = true }
        markDirty()
    }

    func cut() {
        for stream in streams { stream.cancelled(.shutdown) }
        isGoingAway = true
        goAway(NGHTTP2_NO_ERROR, "the server stops")
        flush()
        context?.close(promise: nil)
    }

    /// `stream` is closed in nghttp2, which forgets its pointer now.
    func close(_ stream: HTTP2Stream, _ reason: GRPCCancelReason) {
        let last = streams.removeLast()
        if last !== stream {
            streams[stream.slot] = last
            last.slot = stream.slot
        }
        if receivingHead?.toOpaque() == Unmanaged.passUnretained(stream).toOpaque() { receivingHead = nil }
        loop.counts.openStreams -= 1
        stream.closed(reason, loop)
        if streams.isEmpty {
            idleSince = loop.now
            if isGoingAway { isClosing = true }
        }
    }

    private func tearDown() {
        guard let session else { return }
        self.session = nil
        loop.remove(self)
        // nghttp2_session_del calls no callbacks: the streams are let go of here.
        nghttp2_session_del(session)
        receivingHead = nil
        turnStreams = []
        let open = streams
        streams = []
        for stream in open {
            loop.counts.openStreams -= 1
            stream.closed(.disconnected, loop)
        }
    }

    // MARK: Time

    private static let drainPing: UInt64 = 0x6f63_7461_766f_0001
    private static let keepAlivePing: UInt64 = 0x6f63_7461_766f_0002
    private static let drainPatience = TimeAmount.seconds(10)

    private func submitPing(_ payload: UInt64) {
        guard let session else { return }
        withUnsafeBytes(of: payload) { bytes in
            _ = nghttp2_submit_ping(
                session, UInt8(NGHTTP2_FLAG_NONE.rawValue), bytes.assumingMemoryBound(to: UInt8.self).baseAddress)
        }
        markDirty()
    }

    func tick(_ now: NIODeadline) {
        guard session != nil else { return }
        let limits = loop.limits
        if now - controlWindow > .seconds(10) {
            controlWindow = now
            controlFrames = 0
        }
        if let closingSince {
            if now - closingSince > .seconds(1) { context?.close(promise: nil) }
            return
        }
        if let unwritableSince, now - unwritableSince > TimeAmount(limits.writeTimeout) {
            loop.count(.slowReader)
            context?.close(promise: nil)
            return
        }
        if isClosing {
            // What is left is little, and the peer does not take it.
            if writingSince == nil { writingSince = now }
            if let writingSince, now - writingSince > TimeAmount(limits.writeTimeout) { context?.close(promise: nil) }
            return
        }
        if let headStarted, now - headStarted > TimeAmount(limits.headerTimeout) {
            loop.count(.slowHeaders)
            goAway(NGHTTP2_ENHANCE_YOUR_CALM, "the headers took too long")
            return
        }
        if let pingSent, now - pingSent > TimeAmount(limits.keepAliveTimeout) {
            loop.count(.deadPeer)
            context?.close(promise: nil)
            return
        }
        if pingSent == nil, !isReadPaused, now - lastRead > TimeAmount(limits.keepAliveTime) {
            pingSent = now
            submitPing(Self.keepAlivePing)
        }
        if streams.isEmpty, now - idleSince > TimeAmount(limits.idleTimeout) { drain() }
        if let age = limits.maxConnectionAge, now - opened > TimeAmount(age) { drain() }
        // A peer that does not answer the ping of a drain has had its chance. It is a long one: what the peer sends before it
        // reads the first GOAWAY is lost to it behind the last.
        if let drainStarted, now - drainStarted > Self.drainPatience { sendLastGoAway() }
        checkStreams(now)
    }

    private func checkStreams(_ now: NIODeadline) {
        var late: [HTTP2Stream] = []
        for stream in streams where stream.isLate(now, loop.limits) { late.append(stream) }
        for stream in late where stream.connection === self { stream.giveUp(now, loop) }
    }
}
