import NIOCore

/// One HTTP/1.1 connection: one request at a time, in order; what a client pipelines waits.
///
/// Confined to its event loop.
final class HTTP1Connection: ChannelInboundHandler, SecureConnection {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    let loop: LoopContext
    let peer: SocketAddress?
    /// nil in plain text.
    let tls: TLSHandler?
    var isSecure: Bool { tls != nil }
    var peerURIs: [String] { tls?.peerURIs ?? [] }
    var registryIndex = -1

    var context: ChannelHandlerContext?
    private var parser: HTTP1RequestParser
    /// What has come and has not been looked at, later requests among it.
    var input = ByteBuffer()

    /// The request being read or answered.
    var current: HTTPRequest?
    /// Its answer is complete, its body is not.
    private var isBodyOpen = false
    /// Whether the connection stays for another request.
    var isKeepAlive = true
    /// The body of the current answer is sent in chunks.
    var isChunked = false
    var isAboveHighWater = false
    private var isWorking = false
    private var needsFlush = false
    private var isInRead = false
    private var isReadPaused = false
    /// Nothing more is taken; the peer may read what it was sent.
    var isClosing = false
    /// The peer has said that it sends nothing more. What it has asked for is answered.
    var isInputClosed = false
    /// What comes is no HTTP any more: it goes to the current request as it is.
    var isTunnel = false
    private var lastOutput: NIODeadline

    private var headStarted: NIODeadline?
    private var idleSince: NIODeadline
    private var opened: NIODeadline
    var lastInput: NIODeadline
    private var unwritableSince: NIODeadline?
    var closingSince: NIODeadline?
    /// Short parts of answers that have not been given to the channel.
    private var small = ByteBuffer()
    private static let smallPart = 4 << 10
    private static let smallTogether = 16 << 10
    /// Since when it writes its last answer, or has found room for it again.
    private var writingSince: NIODeadline?
    private var isDraining = false

    init(loop: LoopContext, peer: SocketAddress?, tls: TLSHandler? = nil) {
        self.loop = loop
        self.peer = peer
        self.tls = tls
        parser = HTTP1RequestParser(maxHeaderBytes: loop.limits.maxHeaderBytes, maxHeaderCount: loop.limits.maxHeaderCount)
        idleSince = loop.now
        opened = loop.now
        lastInput = loop.now
        lastOutput = loop.now
    }

    /// Puts this behind `handler`.
    func install(_ pipeline: ChannelPipeline.SynchronousOperations, after handler: any ChannelHandler) throws {
        try pipeline.addHandler(self, position: .after(handler))
    }

    // MARK: Channel

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        loop.add(self)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        isInRead = true
        lastInput = loop.now
        guard !isClosing else { return }
        var bytes = unwrapInboundIn(data)
        if input.readableBytes == 0 { input = bytes } else { input.writeBuffer(&bytes) }
        work()
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        isInRead = false
        if current == nil, headStarted == nil, input.readableBytes > 0 { headStarted = loop.now }
        flush()
        pauseReading()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable {
            unwritableSince = nil
            writingSince = loop.now
            if isAboveHighWater {
                isAboveHighWater = false
                current?.onWritable?()
            }
        } else if unwritableSince == nil {
            unwritableSince = loop.now
        }
        pauseReading()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case ChannelEvent.inputClosed? = event as? ChannelEvent else { return context.fireUserInboundEventTriggered(event) }
        inputClosed(context)
    }

    func channelInactive(context: ChannelHandlerContext) {
        tearDown()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        tearDown()
        self.context = nil
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    // MARK: Requests in order

    /// Works through what has come until a request has to be answered first.
    func work() {
        guard !isWorking else { return }
        if isTunnel { return passOn() }
        isWorking = true
        while !isClosing, !isTunnel, current == nil || isBodyOpen, let event = parser.next(&input) { take(event) }
        isWorking = false
        if isTunnel { return passOn() }
        guard isInputClosed, !isClosing else { return }
        if current == nil {
            closeGently()
        } else if isBodyOpen {
            // The rest of the request does not come any more.
            current?.cancel(.disconnected)
            closeGently()
        }
    }

    private func take(_ event: HTTP1RequestParser.Event) {
        switch event {
        case .head(let head): open(head)
        case .body(let bytes): current?.receive(bytes)
        case .end:
            isBodyOpen = false
            // One that offers an upgrade has been told when its head was there.
            if current?.offersWebSocket != true { current?.receiveEnd() }
            completeIfDone()
        case .failed(let fault): refuse(fault)
        }
    }

    private func open(_ head: HTTP1RequestParser.Head) {
        headStarted = nil
        isKeepAlive = head.isKeepAlive && !isDraining
        let request = HTTPRequest(
            loop: loop, version: head.minorVersion == 0 ? .http1_0 : .http1_1, method: head.method, target: head.target,
            headers: head.fields)
        isBodyOpen = true
        begin(request)
        if head.offersWebSocket {
            // What comes behind it may be meant for the protocol that it asks for: without that nothing of it is read.
            let stays = isKeepAlive
            isKeepAlive = false
            request.upgrade = .offered
            request.open(isComplete: true)
            if request.upgrade == .none { isKeepAlive = stays } else { request.receiveEnd() }
        } else {
            request.open(isComplete: !head.hasBody)
        }
    }

    /// What came can't be read as a request, or as the rest of one.
    private func refuse(_ fault: HTTP1RequestParser.Fault) {
        isKeepAlive = false
        loop.count(fault.status == 431 ? .headersTooLarge : .malformedHTTP1)
        let text = fault.status == 431
            ? "The request headers exceed the limits of this server: \(fault.text)." : "The request is not valid HTTP/1.1: \(fault.text)."
        if let current {
            if !current.isEnded { current.refuse(status: fault.status, text) }
            closeGently()
        } else {
            headStarted = nil
            let request = HTTPRequest(loop: loop, version: .http1_1, method: "", target: "", headers: HeaderFields())
            begin(request)
            request.refuse(status: fault.status, text)
        }
        if !isInRead { flush() }
    }

    private func begin(_ request: HTTPRequest) {
        current = request
        request.responder = self
        loop.counts.openStreams += 1
        loop.counts.requests &+= 1
    }

    /// The answer is complete: goes on to the next request when the body has been read to its end, too.
    func completeIfDone() {
        guard let current, current.answer == .ended else { return }
        // The rest of the body is read away.
        if isBodyOpen, isKeepAlive { return pauseReading() }
        self.current = nil
        loop.counts.openStreams -= 1
        current.streamClosed(.disconnected)
        idleSince = loop.now
        guard isKeepAlive, !isDraining || input.readableBytes > 0 else { return closeGently() }
        if input.readableBytes > 0 || isInputClosed { work() }
        pauseReading()
    }

    // MARK: Writing

    func write(_ bytes: ByteBuffer) {
        guard let context, !isClosing else { return }
        lastOutput = loop.now
        if bytes.readableBytes <= Self.smallPart, small.readableBytes + bytes.readableBytes <= Self.smallTogether {
            // Head and body of a short answer go out as one.
            if small.readableBytes == 0 { small = bytes } else { small.writeImmutableBuffer(bytes) }
        } else {
            writeSmall(context)
            context.write(wrapOutboundOut(bytes), promise: nil)
        }
        guard !needsFlush else { return }
        needsFlush = true
        if !isInRead {
            let bound = NIOLoopBound(self, eventLoop: loop.eventLoop)
            loop.eventLoop.execute { bound.value.flush() }
        }
    }

    private func writeSmall(_ context: ChannelHandlerContext) {
        guard small.readableBytes > 0 else { return }
        let bytes = small
        small = ByteBuffer()
        context.write(wrapOutboundOut(bytes), promise: nil)
    }

    private func flush() {
        guard needsFlush, let context else { return }
        needsFlush = false
        writeSmall(context)
        context.flush()
        loop.busyPoll?.wrote(to: context.channel)
    }

    /// Stops reading while answers can't be written, or a client pipelines more than is sensible.
    func pauseReading() {
        guard let context, !isInputClosed else { return }
        let isParked = (current?.parked.readableBytes ?? 0) > 64 << 10
        let pause = !context.channel.isWritable || (current != nil && input.readableBytes > 64 << 10) || isParked
        guard pause != isReadPaused else { return }
        isReadPaused = pause
        context.channel.setOption(.autoRead, value: !pause).whenFailure { _ in }
        if !pause { context.channel.read() }
    }

    func resumeReading() { pauseReading() }

    // MARK: Ending

    /// Sends what is written and our end, then leaves the peer a second to read it: closing with unread bytes would
    /// make the kernel throw the answer away.
    func closeGently() {
        guard !isClosing, let context else { return }
        flush()
        context.flush()
        isClosing = true
        writingSince = loop.now
        input.clear()
        // A long answer to a slow reader is still on its way: the second begins when the kernel has taken all of it.
        let bound = NIOLoopBound(self, eventLoop: loop.eventLoop)
        let sent = loop.eventLoop.makePromise(of: Void.self)
        sent.futureResult.whenComplete { _ in
            bound.value.closingSince = .now()
            if bound.value.isInputClosed { bound.value.closeNow() }
        }
        context.close(mode: .output, promise: sent)
    }

    func closeNow() { context?.close(promise: nil) }

    func drain() {
        isDraining = true
        isKeepAlive = false
        if current == nil { closeGently() }
    }

    func cut() {
        current?.cancel(.shutdown)
        closeNow()
    }

    private func tearDown() {
        guard registryIndex >= 0 else { return }
        loop.remove(self)
        input.clear()
        if let current {
            self.current = nil
            loop.counts.openStreams -= 1
            current.streamClosed(.disconnected)
        }
    }

    // MARK: Time

    func tick(_ now: NIODeadline) {
        let limits = loop.limits
        if let closingSince {
            // A client that still sends has not read its answer yet, and a close with bytes unread would take that away
            // from it: it is waited for, within bounds.
            let quietSince = max(closingSince, lastInput)
            if now - quietSince > .seconds(1) || now - closingSince > .seconds(10) { closeNow() }
            return
        }
        if isClosing, unwritableSince == nil {
            // What is left is little, and the peer does not take it.
            if let writingSince, now - writingSince > TimeAmount(limits.writeTimeout) { closeNow() }
            return
        }
        if let unwritableSince, now - unwritableSince > TimeAmount(limits.writeTimeout) {
            loop.count(.slowReader)
            return closeNow()
        }
        if let headStarted, now - headStarted > TimeAmount(limits.headerTimeout) {
            self.headStarted = nil
            loop.count(.slowHeaders)
            isKeepAlive = false
            let request = HTTPRequest(loop: loop, version: .http1_1, method: "", target: "", headers: HeaderFields())
            begin(request)
            request.refuse(status: 408, "The request headers did not arrive in time.")
            return
        }
        if isTunnel, isInputClosed, now - max(lastInput, lastOutput) > Self.tunnelPatience { return closeNow() }
        if let current {
            if isBodyOpen, current.awaitsBody, now - lastInput > TimeAmount(limits.bodyTimeout) {
                loop.count(.slowBody)
                isKeepAlive = false
                if current.isEnded {
                    closeGently()
                } else {
                    current.refuse(status: 408, "The request body did not arrive in time.")
                }
            }
            return
        }
        if now - idleSince > TimeAmount(limits.idleTimeout) { closeGently() }
        if let age = limits.maxConnectionAge, now - opened > TimeAmount(age) { drain() }
    }
}
