import NIOCore

/// One HTTP/1.1 connection of ours: one exchange at a time. Confined to its event loop.
final class HTTP1ClientConnection: ChannelInboundHandler, ClientConnection, ExchangeCarrier {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let pool: ConnectionPool
    private let loop: ClientLoop
    var registryIndex = -1
    private var context: ChannelHandlerContext?
    private var parser: HTTP1ResponseParser

    private var current: ClientExchange?
    private var served = 0
    private var isHeadSent = false
    private var isChunked = false
    private var bodyLeft = 0
    private var isRequestSent = false
    /// The exchange has become a WebSocket.
    private var isTunnel = false
    /// The key that the peer has to prove, when it is ours.
    private var ownKey: String?
    private var needsFlush = false
    private var isInRead = false
    private var isReadPaused = false
    private var isClosed = false

    private var idleSince: NIODeadline
    private var lastRead: NIODeadline
    private var unwritableSince: NIODeadline?

    init(pool: ConnectionPool) {
        self.pool = pool
        loop = pool.loop
        parser = HTTP1ResponseParser(maxHeaderBytes: loop.limits.maxHeaderBytes, maxHeaderCount: loop.limits.maxHeaderCount)
        idleSince = loop.now
        lastRead = loop.now
    }

    // MARK: Channel

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        loop.add(self)
        idleSince = loop.now
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var input = unwrapInboundIn(data)
        lastRead = loop.now
        isInRead = true
        while !isClosed, current != nil, let event = parser.next(&input) { take(event, isAll: input.readableBytes == 0) }
        // Nobody asked for what comes now: the next response would be taken for another's.
        if !isClosed, current == nil, input.readableBytes > 0 { close() }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        isInRead = false
        flush()
        pauseReading()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable {
            unwritableSince = nil
            if let current { outputChanged(current) }
        } else if unwritableSince == nil {
            unwritableSince = loop.now
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        ended(isLost: true, parser.close())
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        ended(isLost: true, nil)
        self.context = nil
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    // MARK: The exchange

    func start(_ exchange: ClientExchange) {
        current = exchange
        exchange.attach(self)
        parser.begin(isHEAD: exchange.method == "HEAD", offersWebSocket: exchange.isWebSocket)
        isHeadSent = false
        isRequestSent = false
        lastRead = loop.now
        sendHead(exchange)
        exchange.began()
        outputChanged(exchange)
    }

    /// `isAll`: nothing has come behind it.
    private func take(_ event: HTTP1ResponseParser.Event, isAll: Bool) {
        guard let exchange = current else { return }
        switch event {
        case .informational: break
        case .head(let status):
            exchange.isHeadReceived = true
            if status == 101, !openTunnel(exchange) { return }
            exchange.receiveHead(status, parser.fields, isLast: false)
        case .body(let bytes): exchange.receiveData(bytes)
        case .end:
            current = nil
            served += 1
            let isKept = parser.isKeepAlive && isRequestSent && isAll
            let trailers = parser.trailers
            idleSince = loop.now
            // The connection is given back first: who gets the response may send the next request on it.
            if isKept, !isReadPaused { pool.released(self) } else { close() }
            if trailers.count > 0 { exchange.receiveTrailers(trailers) }
            exchange.receiveEnd()
        case .failed(let fault):
            current = nil
            close()
            exchange.fail(
                ClientError(
                    fault.isTooLarge ? .tooLarge : .malformed, "The response of \(pool.name) is refused: \(fault.text).",
                    mayHaveBeenSeen: true))
        }
    }

    /// The connection is the exchange's from here on, as long as it lasts. Others get another one.
    private func openTunnel(_ exchange: ClientExchange) -> Bool {
        if let ownKey, parser.fields["sec-websocket-accept" as StaticString] != WebSocketHandshake.accept(ownKey) {
            exchange.stop(
                ClientError(.malformed, "\(pool.name) accepts a WebSocket without the proof that it has read the request.", mayHaveBeenSeen: true))
            return false
        }
        isTunnel = true
        context?.channel.setOption(.socketOption(.so_keepalive), value: 1).whenFailure { _ in }
        pool.lend(self)
        return true
    }

    // MARK: Sending

    private func sendHead(_ exchange: ClientExchange) {
        var head = HTTP1RequestHead(method: exchange.method, target: exchange.target, host: pool.target.authority)
        head.append(exchange)
        isChunked = false
        bodyLeft = 0
        if exchange.isWebSocket {
            head.append("connection", "upgrade")
            head.append("upgrade", "websocket")
            ownKey = exchange.hasKey ? nil : WebSocketHandshake.newKey()
            if let ownKey { head.append("sec-websocket-key", ownKey) }
        } else if exchange.isWhole {
            bodyLeft = exchange.outgoing.readableBytes
            if bodyLeft > 0 || !exchange.isBodyless { head.append("content-length", bodyLeft) }
        } else if let length = exchange.announcedLength {
            bodyLeft = length
            head.append("content-length", length)
        } else {
            isChunked = true
            head.append("transfer-encoding", "chunked")
        }
        head.end()
        isHeadSent = true
        if exchange.isWhole, bodyLeft <= 16 << 10 {
            // One write for a small request.
            exchange.outgoing.withUnsafeReadableBytes { _ = head.bytes.writeBytes($0) }
            exchange.outputTaken(bodyLeft)
            bodyLeft = 0
        }
        write(head.bytes)
    }

    func outputChanged(_ exchange: ClientExchange) {
        guard exchange === current, isHeadSent, !isRequestSent, let context, context.channel.isWritable else { return }
        let count = exchange.outgoing.readableBytes
        if exchange.isWebSocket { return sendTunnel(exchange, context) }
        if count > 0 {
            if !isChunked, count > bodyLeft { return refuseLength(exchange, "more") }
            let bytes = exchange.outgoing.slice()
            if isChunked {
                write(ByteBuffer(string: String(count, radix: 16) + "\r\n"))
                write(bytes)
                write(ByteBuffer(staticString: "\r\n"))
            } else {
                bodyLeft -= count
                write(bytes)
            }
            exchange.outputTaken(count)
        }
        guard exchange.isOutputEnded else { return }
        if bodyLeft > 0 { return refuseLength(exchange, "less") }
        if isChunked { write(ByteBuffer(staticString: "0\r\n\r\n")) }
        isRequestSent = true
    }

    private func sendTunnel(_ exchange: ClientExchange, _ context: ChannelHandlerContext) {
        guard isTunnel else { return }
        let count = exchange.outgoing.readableBytes
        if count > 0 {
            write(exchange.outgoing.slice())
            exchange.outputTaken(count)
        }
        guard exchange.isOutputEnded else { return }
        isRequestSent = true
        flush()
        context.close(mode: .output, promise: nil)
    }

    private func refuseLength(_ exchange: ClientExchange, _ what: String) {
        exchange.stop(
            ClientError(.malformed, "The body of the request has \(what) bytes than its content-length says.", mayHaveBeenSeen: true))
    }

    private func write(_ bytes: ByteBuffer) {
        guard let context else { return }
        context.write(wrapOutboundOut(bytes), promise: nil)
        guard !needsFlush else { return }
        needsFlush = true
        if !isInRead { loop.flushAtEndOfTurn(self) }
    }

    func flushTurn() { flush() }

    private func flush() {
        guard needsFlush, let context else { return }
        needsFlush = false
        context.flush()
        loop.busyPoll?.wrote(to: context.channel)
    }

    // MARK: Reading

    func consumed(_ exchange: ClientExchange, _ count: Int) { pauseReading() }

    private func pauseReading() {
        guard let context, !isClosed else { return }
        let pause = (current?.parkedBytes ?? 0) > 64 << 10
        guard pause != isReadPaused else { return }
        isReadPaused = pause
        context.channel.setOption(.autoRead, value: !pause).whenFailure { _ in }
        if !pause { context.channel.read() }
    }

    // MARK: Ending

    func abort(_ exchange: ClientExchange) {
        guard exchange === current else { return }
        current = nil
        close()
    }

    func close() { ended(isLost: false, nil) }

    private func ended(isLost: Bool, _ last: HTTP1ResponseParser.Event?) {
        guard !isClosed else { return }
        isClosed = true
        loop.remove(self)
        let exchange = current
        current = nil
        let hadBegun = parser.hasBegun
        flush()
        context?.close(promise: nil)
        // A response whose end is the connection's loses nothing.
        let isComplete = if case .end? = last { exchange != nil } else { false }
        pool.remove(self, isLost: isLost && !isComplete)
        guard let exchange else { return }
        if isComplete { return exchange.receiveEnd() }
        let error = ClientError(
            isLost ? .closed : .shutdown,
            isLost ? "\(pool.name) closed the connection before its response was complete." : "The client has been closed.",
            mayHaveBeenSeen: true)
        if isLost, !hadBegun, served > 0, exchange.isIdempotent {
            pool.retry(exchange, or: error)
        } else {
            exchange.fail(error)
        }
    }

    // MARK: Time

    func tick(_ now: NIODeadline) {
        let limits = loop.limits
        guard let current else {
            if now - idleSince > TimeAmount(limits.idleTimeout) { close() }
            return
        }
        if current.expiry != .distantFuture { loop.watch(current) }
        if let unwritableSince, now - unwritableSince > TimeAmount(limits.writeTimeout) {
            current.stop(ClientError(.timeout, "\(pool.name) takes no bytes of the request.", mayHaveBeenSeen: true))
        } else if parser.hasBegun, !isReadPaused, !isTunnel, now - lastRead > TimeAmount(limits.readTimeout) {
            current.stop(ClientError(.timeout, "The response of \(pool.name) does not go on.", mayHaveBeenSeen: true))
        }
    }
}
