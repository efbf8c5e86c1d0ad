import NIOCore
import NIOHTTP1

/// One HTTP/1.1 connection, behind NIO's decoder: one request at a time, in order; what a client pipelines waits.
///
/// Confined to its event loop.
final class HTTP1Connection: ChannelInboundHandler, Connection {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = ByteBuffer

    let loop: LoopContext
    let peer: SocketAddress?
    let isSecure: Bool
    var registryIndex = -1

    var context: ChannelHandlerContext?
    private var decoder: ByteToMessageHandler<HTTPRequestDecoder>

    /// The request being read or answered.
    var current: HTTPRequest?
    /// Its answer is complete, its body is not.
    private var isBodyOpen = false
    /// Whether the connection stays for another request.
    var isKeepAlive = true
    /// The body of the current answer is sent in chunks.
    var isChunked = false
    var isAboveHighWater = false
    /// Parts of later requests.
    private var waiting = CircularBuffer<HTTPServerRequestPart>()
    private var waitingBytes = 0
    private var isWorking = false
    private var needsFlush = false
    private var isInRead = false
    private var isReadPaused = false
    /// Nothing more is taken; the peer may read what it was sent.
    private var isClosing = false
    private var upgradeOffered = false

    private var sawPart = false
    private var headStarted: NIODeadline?
    private var idleSince: NIODeadline
    private var opened: NIODeadline
    private var lastInput: NIODeadline
    private var unwritableSince: NIODeadline?
    private var closingSince: NIODeadline?
    /// Since when it writes its last answer, or has found room for it again.
    private var writingSince: NIODeadline?
    private var isDraining = false

    init(loop: LoopContext, peer: SocketAddress?, isSecure: Bool) {
        self.loop = loop
        self.peer = peer
        self.isSecure = isSecure
        decoder = Self.makeDecoder(loop.limits)
        idleSince = loop.now
        opened = loop.now
        lastInput = loop.now
    }

    /// Puts the decoder and this behind `handler`.
    func install(_ pipeline: ChannelPipeline.SynchronousOperations, after handler: any ChannelHandler) throws {
        try pipeline.addHandlers([decoder, self], position: .after(handler))
    }

    private static func makeDecoder(_ limits: Server.Limits) -> ByteToMessageHandler<HTTPRequestDecoder> {
        var configuration = NIOHTTPDecoderLimitConfiguration()
        configuration.maxHeaderFieldSize = limits.maxHeaderBytes
        configuration.maxHeaderListSize = limits.maxHeaderBytes
        configuration.maxHeaderFieldCount = limits.maxHeaderCount
        // Left-over bytes are those behind a request that offered an upgrade; see `renewDecoder`.
        return ByteToMessageHandler(
            HTTPRequestDecoder(leftOverBytesStrategy: .forwardBytes, limitConfiguration: configuration))
    }

    // MARK: Channel

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        loop.add(self)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        isInRead = true
        sawPart = true
        lastInput = loop.now
        guard !isClosing else { return }
        let part = unwrapInboundIn(data)
        if case .body(let bytes) = part { waitingBytes += bytes.readableBytes } else { waitingBytes += 256 }
        waiting.append(part)
        work()
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        isInRead = false
        if !sawPart, current == nil, headStarted == nil { headStarted = loop.now }
        sawPart = false
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

    func channelInactive(context: ChannelHandlerContext) {
        tearDown()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        tearDown()
        self.context = nil
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let error = error as? HTTPParserError else {
            context.close(promise: nil)
            return
        }
        // The end of the connection inside of a request; nobody is left to tell.
        guard error != .invalidEOFState, !isClosing else { return context.close(promise: nil) }
        waiting.removeAll()
        isKeepAlive = false
        let status = error == .headerOverflow ? 431 : 400
        loop.count(status == 431 ? .headersTooLarge : .malformedHTTP1)
        let text =
            status == 431
            ? "The request headers exceed the limits of this server." : "The request is not valid HTTP/1.1: \(error)."
        if let current {
            if !current.isEnded { current.refuse(status: status, text) }
            closeGently()
        } else {
            let request = HTTPRequest(
                loop: loop, version: .http1_1, method: "", target: "", headers: HeaderFields())
            begin(request)
            request.refuse(status: status, text)
        }
        flush()
    }

    // MARK: Requests in order

    /// Works through the waiting parts until a request has to be answered first.
    private func work() {
        guard !isWorking else { return }
        isWorking = true
        while !isClosing, let part = waiting.first {
            if case .head = part, current != nil { break }
            waiting.removeFirst()
            take(part)
        }
        isWorking = false
        if waiting.isEmpty { waitingBytes = 0 }
    }

    private func take(_ part: HTTPServerRequestPart) {
        switch part {
        case .head(let head): open(head)
        case .body(let bytes):
            guard let current else { return }
            waitingBytes -= bytes.readableBytes
            current.receive(bytes)
        case .end:
            if upgradeOffered { renewDecoder() }
            isBodyOpen = false
            current?.receiveEnd()
            completeIfDone()
        }
    }

    private func open(_ head: HTTPRequestHead) {
        headStarted = nil
        isKeepAlive = head.isKeepAlive && !isDraining
        upgradeOffered = head.headers.contains(name: "upgrade") || head.method == .CONNECT
        var fields = HeaderFields()
        for (name, value) in head.headers { fields.append(lowercasing: name, value) }
        let request = HTTPRequest(
            loop: loop, version: head.version.minor == 0 ? .http1_0 : .http1_1, method: head.method.rawValue,
            target: head.uri, headers: fields)
        isBodyOpen = true
        begin(request)
        if let fault = Self.fault(head) {
            loop.count(.malformedHTTP1)
            isKeepAlive = false
            request.refuse(status: fault.status, fault.message)
            return
        }
        let hasBody =
            head.headers.contains(name: "transfer-encoding")
            || head.headers.first(name: "content-length").map { $0 != "0" } ?? false
        request.open(isComplete: !hasBody)
    }

    /// What the decoder lets pass but nobody should answer: two ways to say where a request ends, or none of whom it
    /// is for (RFC 9112 §3.2, §6.1, §6.3).
    private static func fault(_ head: HTTPRequestHead) -> (status: Int, message: String)? {
        let lengths = head.headers["content-length"]
        let codings = head.headers["transfer-encoding"]
        if !codings.isEmpty, !lengths.isEmpty || codings != ["chunked"] || head.version.minor == 0 {
            return (400, "The request has a transfer-encoding other than 'chunked' alone.")
        }
        if lengths.count > 1 { return (400, "The request has more than one content-length.") }
        let hosts = head.headers["host"].count
        if hosts > 1 || (hosts == 0 && head.version.minor >= 1) {
            return (400, "The request must have exactly one host field.")
        }
        if head.method == .CONNECT { return (405, "This server is not a proxy.") }
        return nil
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
        if isBodyOpen, isKeepAlive { return }
        self.current = nil
        loop.counts.openStreams -= 1
        current.streamClosed(.disconnected)
        idleSince = loop.now
        guard isKeepAlive, !isDraining || !waiting.isEmpty else { return closeGently() }
        if !isWorking, !waiting.isEmpty {
            work()
        }
        pauseReading()
    }

    /// NIO's decoder stops behind a request that offers another protocol, whether or not we take the offer (we don't):
    /// a fresh one takes over.
    private func renewDecoder() {
        upgradeOffered = false
        guard let context else { return }
        let old = decoder
        decoder = Self.makeDecoder(loop.limits)
        do {
            try context.pipeline.syncOperations.addHandler(decoder, position: .after(old))
            context.pipeline.syncOperations.removeHandler(old).whenFailure { _ in }
        } catch {
            context.close(promise: nil)
        }
    }

    // MARK: Writing

    func write(_ bytes: ByteBuffer) {
        guard let context, !isClosing else { return }
        context.write(wrapOutboundOut(bytes), promise: nil)
        guard !needsFlush else { return }
        needsFlush = true
        if !isInRead {
            let bound = NIOLoopBound(self, eventLoop: loop.eventLoop)
            loop.eventLoop.execute { bound.value.flush() }
        }
    }

    private func flush() {
        guard needsFlush, let context else { return }
        needsFlush = false
        context.flush()
    }

    /// Stops reading while answers can't be written, or a client pipelines more than is sensible.
    private func pauseReading() {
        guard let context else { return }
        let isParked = (current?.parked.readableBytes ?? 0) > 64 << 10
        let pause = !context.channel.isWritable || waitingBytes > 64 << 10 || isParked
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
        waiting.removeAll()
        // A long answer to a slow reader is still on its way: the second begins when the kernel has taken all of it.
        let bound = NIOLoopBound(self, eventLoop: loop.eventLoop)
        let sent = loop.eventLoop.makePromise(of: Void.self)
        sent.futureResult.whenComplete { _ in bound.value.closingSince = bound.value.loop.now }
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
        waiting.removeAll()
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
