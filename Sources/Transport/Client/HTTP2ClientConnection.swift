import CNGHTTP2
import NIOCore

/// One HTTP/2 connection of ours: many exchanges, each on a stream. Confined to its event loop.
///
/// Exchanges may begin and end inside nghttp2's callbacks: that only queues frames; `flush` runs when no callback does.
final class HTTP2ClientConnection: ChannelInboundHandler, ClientConnection, ExchangeCarrier {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    let pool: ConnectionPool
    /// nil in plain text.
    let tls: TLSHandler?
    let loop: ClientLoop
    var registryIndex = -1

    /// nghttp2's session from `handlerAdded` until the channel is inactive.
    private(set) var session: OpaquePointer?
    /// The exchanges with an open stream: this array owns them.
    private var streams: [ClientExchange] = []
    private var context: ChannelHandlerContext?
    private var isReceiving = false
    private var isSending = false
    private var isDirty = false
    private var isClosing = false
    /// Nothing came for as long as a greeting may take.
    private var isSilent = false
    /// Takes no new exchanges.
    private var isLeaving = false
    /// The server has sent its settings: it speaks HTTP/2.
    var isGreeted = false
    private var served = 0
    /// What header blocks are read into, while none is.
    var blockMemory = HeaderFields()
    private var wasFull = false

    private var lastRead: NIODeadline
    private var idleSince: NIODeadline
    private var pingSent: NIODeadline?
    private var unwritableSince: NIODeadline?
    private var closingSince: NIODeadline?
    private var controlFrames = 0
    private var controlWindow: NIODeadline

    init(pool: ConnectionPool, tls: TLSHandler? = nil) {
        self.pool = pool
        self.tls = tls
        loop = pool.loop
        lastRead = loop.now
        idleSince = loop.now
        controlWindow = loop.now
    }

    // MARK: Channel

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        session = makeSession()
        guard session != nil else { return context.close(promise: nil) }
        loop.add(self)
        lastRead = loop.now
        idleSince = loop.now
        controlWindow = loop.now
        markDirty()
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
        if result < 0 { receivingFailed() }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        isDirty = false
        flush()
        if wasFull, hasRoom {
            wasFull = false
            pool.hasRoom(self)
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable {
            unwritableSince = nil
            flush()
        } else if unwritableSince == nil {
            unwritableSince = loop.now
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        tearDown(isLost: true)
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        tearDown(isLost: true)
        self.context = nil
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    // MARK: Exchanges

    /// Whether another stream may be opened now.
    var hasRoom: Bool {
        guard let session, !isLeaving, !isClosing else { return false }
        // A server judges our certificate after we have judged its own (RFC 8446 §4.4): nothing is risked before it has spoken.
        if !isGreeted, pool.target.awaitsGreeting {
            wasFull = true
            return false
        }
        let allowed = Int(nghttp2_session_get_remote_settings(session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS))
        if streams.count < min(allowed, loop.limits.maxConcurrentStreams) { return true }
        wasFull = true
        return false
    }

    /// Whether a server takes WebSockets is in its settings: before them it is not asked.
    func hasRoom(for exchange: ClientExchange) -> Bool {
        guard hasRoom else { return false }
        guard exchange.isWebSocket, !isGreeted else { return true }
        wasFull = true
        return false
    }

    func start(_ exchange: ClientExchange) {
        exchange.attach(self)
        exchange.slot = streams.count
        exchange.lastOutput = loop.now
        streams.append(exchange)
        submit(exchange)
        markDirty()
        if exchange.streamID > 0 { exchange.began() }
    }

    private func submit(_ exchange: ClientExchange) {
        guard let session else { return }
        if exchange.isWebSocket, nghttp2_session_get_remote_settings(session, NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL) != 1 {
            forget(exchange)
            let text = "\(pool.name) takes no WebSockets over HTTP/2 (RFC 8441)."
            return pool.failLater(exchange, ClientError(.unsupported, text, mayHaveBeenSeen: false))
        }
        var fields = HeaderBatch(first: pool.firstFields, memory: loop.takeFields())
        if exchange.isWebSocket {
            fields.append(known: ":method", known: "CONNECT")
            fields.append(known: ":protocol", known: "websocket")
        } else {
            fields.append(known: ":method", exchange.method)
        }
        fields.append(known: ":path", HTTP1RequestHead.safe(exchange.target))
        if exchange.isWebSocket { exchange.appendFieldsWithoutKey(to: &fields) } else { exchange.appendFields(to: &fields) }
        let hasBody = !exchange.isWhole || exchange.outgoing.readableBytes > 0
        if hasBody, let length = exchange.isWhole ? exchange.outgoing.readableBytes : exchange.announcedLength,
            !(exchange is GRPCClientCall)
        {
            fields.append(known: "content-length", String(length))
        }
        let pointer = Unmanaged.passUnretained(exchange).toOpaque()
        let id = fields.withFields { fields in
            guard hasBody else { return nghttp2_submit_request(session, nil, fields.baseAddress, fields.count, nil, pointer) }
            var provider = nghttp2_data_provider()
            provider.source.ptr = pointer
            provider.read_callback = readRequest
            return nghttp2_submit_request(session, nil, fields.baseAddress, fields.count, &provider, pointer)
        }
        loop.put(fields.memory())
        guard id < 0 else {
            exchange.streamID = id
            return
        }
        // The numbers of streams are used up, or there is no memory: another connection may do.
        leave()
        forget(exchange)
        pool.retry(
            exchange, or: ClientError(.overloaded, "No stream can be opened to \(pool.name).", mayHaveBeenSeen: false))
    }

    func outputChanged(_ exchange: ClientExchange) {
        if exchange.isDeferred, let session {
            exchange.isDeferred = false
            exchange.lastOutput = loop.now
            nghttp2_session_resume_data(session, exchange.streamID)
        }
        markDirty()
    }

    func consumed(_ exchange: ClientExchange, _ count: Int) {
        guard count > 0, let session else { return }
        nghttp2_session_consume_stream(session, exchange.streamID, count)
        if !isReceiving { markDirty() }
    }

    func abort(_ exchange: ClientExchange) { reset(exchange, NGHTTP2_CANCEL) }

    func reset(_ exchange: ClientExchange, _ code: nghttp2_error_code) {
        guard let session, exchange.streamID > 0 else { return }
        nghttp2_submit_rst_stream(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), exchange.streamID, UInt32(code.rawValue))
        markDirty()
    }

    /// nghttp2 has closed the stream and forgets the exchange now.
    func closed(_ exchange: ClientExchange, _ code: UInt32) {
        forget(exchange)
        served += 1
        guard !exchange.isEnded, !exchange.isInputDone else { return }
        if code == NGHTTP2_REFUSED_STREAM.rawValue {
            // Certainly not begun with (RFC 9113 §8.7).
            pool.retry(
                exchange,
                or: ClientError(.reset(code), "\(pool.name) refuses the request.", mayHaveBeenSeen: false))
            return
        }
        exchange.fail(
            ClientError(
                .reset(code), "\(pool.name) broke off the request (\(String(cString: nghttp2_http2_strerror(code)))).",
                mayHaveBeenSeen: true))
    }

    private func forget(_ exchange: ClientExchange) {
        if exchange.isEnded { loop.put(&exchange.outgoing) }
        let last = streams.removeLast()
        if last !== exchange {
            streams[exchange.slot] = last
            last.slot = exchange.slot
        }
        if streams.isEmpty {
            idleSince = loop.now
            if isLeaving { isClosing = true }
        }
    }

    // MARK: Sending

    func markDirty() {
        guard !isDirty else { return }
        isDirty = true
        if !isReceiving { loop.flushAtEndOfTurn(self) }
    }

    func flushTurn() {
        isDirty = false
        flush()
        if wasFull, hasRoom {
            wasFull = false
            pool.hasRoom(self)
        }
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
        guard isClosing else { return }
        if closingSince == nil { closingSince = loop.now }
        if nghttp2_session_want_write(session) == 0 { context.close(promise: nil) }
    }

    private func writeOut(_ context: ChannelHandlerContext) {
        context.writeAndFlush(wrapOutboundOut(loop.outgoing), promise: nil)
        // The channel has let go of the bytes if it could write them at once; then this keeps their memory.
        loop.outgoing.clear()
        loop.busyPoll?.wrote(to: context.channel)
    }

    /// Takes `length` bytes of `exchange` as a DATA frame. Called by nghttp2 while `flush` runs.
    func writeData(header: UnsafePointer<UInt8>, length: Int, of exchange: ClientExchange) {
        loop.outgoing.writeWithUnsafeMutableBytes(minimumWritableBytes: length + 9) { target in
            target.copyMemory(from: UnsafeRawBufferPointer(start: header, count: 9))
            exchange.outgoing.withUnsafeReadableBytes { bytes in
                UnsafeMutableRawBufferPointer(rebasing: target[9...])
                    .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<length]))
            }
            return length + 9
        }
        exchange.lastOutput = loop.now
        exchange.outputTaken(length)
    }

    // MARK: Ending

    private func receivingFailed() {
        guard let session, !isClosing else { return }
        let error =
            isGreeted
            ? ClientError(.malformed, "The response of \(pool.name) is not valid HTTP/2.", mayHaveBeenSeen: true)
            : ClientError(.malformed, "\(pool.name) does not speak HTTP/2.", mayHaveBeenSeen: true)
        nghttp2_session_terminate_session(session, UInt32(NGHTTP2_PROTOCOL_ERROR.rawValue))
        breakOff(error)
    }

    /// Counts a frame that makes work without carrying any.
    func countControlFrame() {
        controlFrames += 1
        guard controlFrames == loop.limits.maxControlFrames + 1, let session else { return }
        nghttp2_session_terminate_session(session, UInt32(NGHTTP2_ENHANCE_YOUR_CALM.rawValue))
        breakOff(ClientError(.malformed, "\(pool.name) floods the connection with control frames.", mayHaveBeenSeen: true))
    }

    /// The connection is of no use any more: who is on it learns why.
    private func breakOff(_ error: ClientError) {
        isClosing = true
        closingSince = loop.now
        leave(isLost: true)
        for exchange in streams where !exchange.isEnded { exchange.fail(error) }
        markDirty()
    }

    /// Takes no new exchanges, and closes when those it has are done.
    func leave() { leave(isLost: false) }

    /// The server has said that it goes away (RFC 9113 §6.8); nghttp2 closes the streams that it has not begun with.
    func serverLeaves() { leave(isLost: true) }

    private func leave(isLost: Bool) {
        guard !isLeaving else { return }
        isLeaving = true
        if streams.isEmpty { isClosing = true }
        markDirty()
        pool.remove(self, isLost: isLost)
    }

    func close() {
        guard !isReceiving, !isSending else {
            // The session must outlive the callback that this is called from.
            isLeaving = true
            let bound = NIOLoopBound(self, eventLoop: loop.eventLoop)
            return loop.eventLoop.execute { bound.value.close() }
        }
        let context = context
        tearDown(isLost: false)
        context?.close(promise: nil)
    }

    private func tearDown(isLost: Bool) {
        guard let session else { return }
        self.session = nil
        loop.remove(self)
        // nghttp2_session_del calls no callbacks: the exchanges are let go of here.
        nghttp2_session_del(session)
        let open = streams
        streams = []
        if !isLeaving {
            isLeaving = true
            if !isGreeted, isLost, pool.target.awaitsGreeting {
                let cause =
                    tls?.failure.map { "TLS failed: \($0)" } ?? (isSilent ? "it takes connections and says nothing" : "the connection was closed at once")
                pool.refused(self, ClientError(.unreachable, "\(pool.name) can't be reached: \(cause).", mayHaveBeenSeen: false))
            } else {
                pool.remove(self, isLost: isLost)
            }
        }
        pool.closed(self)
        for exchange in open where !exchange.isEnded && !exchange.isInputDone { failTornDown(exchange, isLost) }
    }

    private func failTornDown(_ exchange: ClientExchange, _ isLost: Bool) {
        guard isLost else {
            return exchange.fail(ClientError(.shutdown, "The client has been closed.", mayHaveBeenSeen: true))
        }
        let text =
            isSilent
            ? "\(pool.name) has fallen silent; its connection was given up."
            : isGreeted
            ? "\(pool.name) closed the connection before its response was complete."
            : "\(pool.name) closed the connection at once; it may not speak HTTP/2."
        let error = ClientError(.closed, text, mayHaveBeenSeen: true)
        if served > 0, exchange.isIdempotent { pool.retry(exchange, or: error) } else { exchange.fail(error) }
    }

    // MARK: Time

    func tick(_ now: NIODeadline) {
        guard let session else { return }
        let limits = loop.limits
        if now - controlWindow > .seconds(10) {
            controlWindow = now
            controlFrames = 0
        }
        if isClosing {
            if closingSince == nil { closingSince = now }
            if let closingSince, now - closingSince > .seconds(1) { context?.close(promise: nil) }
            return
        }
        // It has been accepted by the kernel alone.
        if !isGreeted, pool.target.awaitsGreeting, now - idleSince > TimeAmount(limits.connectTimeout) {
            isSilent = true
            let context = context
            tearDown(isLost: true)
            context?.close(promise: nil)
            return
        }
        for exchange in streams where exchange.expiry != .distantFuture && !exchange.isEnded { loop.watch(exchange) }
        if let unwritableSince, now - unwritableSince > TimeAmount(limits.writeTimeout) { context?.close(promise: nil) }
        if let pingSent, now - pingSent > TimeAmount(limits.keepAliveTimeout) {
            isSilent = true
            context?.close(promise: nil)
        } else if pingSent == nil, !streams.isEmpty, now - lastRead > TimeAmount(limits.keepAliveTime) {
            pingSent = now
            nghttp2_submit_ping(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), nil)
            markDirty()
        }
        if streams.isEmpty, now - idleSince > TimeAmount(limits.idleTimeout) {
            nghttp2_session_terminate_session(session, UInt32(NGHTTP2_NO_ERROR.rawValue))
            leave()
        }
        var late: [ClientExchange] = []
        for exchange in streams
        where exchange.outgoing.readableBytes > 0 && now - exchange.lastOutput > TimeAmount(limits.writeTimeout) {
            late.append(exchange)
        }
        for exchange in late {
            exchange.stop(ClientError(.timeout, "\(pool.name) takes no bytes of the request.", mayHaveBeenSeen: true))
        }
    }
}
