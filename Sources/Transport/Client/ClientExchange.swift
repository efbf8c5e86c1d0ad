package import NIOCore

/// What carries an exchange: an HTTP/2 connection for each of its streams, an HTTP/1.1 connection for one at a time.
protocol ExchangeCarrier: AnyObject {
    /// There is more in `outgoing`, or the body is complete.
    func outputChanged(_ exchange: ClientExchange)
    /// `count` bytes of the response have been used and more may come.
    func consumed(_ exchange: ClientExchange, _ count: Int)
    /// Nobody wants the rest. The exchange is not told anything any more.
    func abort(_ exchange: ClientExchange)
}

/// One request and its response: what `HTTPClientRequest` and `GRPCClientCall` have in common. Confined to the event
/// loop of its client.
///
/// It ends exactly once: complete, failed, or cancelled by its owner, who is told nothing then.
package class ClientExchange: Expiring {
    enum Phase { case idle, waiting, started, ended }

    let method: String
    let target: String
    /// From here on nothing goes out or comes in any more.
    package var isEnded: Bool { phase == .ended }

    final var phase = Phase.idle
    final var loop: ClientLoop?
    final var pool: ConnectionPool?
    final var carrier: (any ExchangeCarrier)?

    /// Runs when the first connection has taken it. Until then it is certain that the peer has seen nothing. Let go then, and at the end.
    package final var onStart: (() -> Void)?

    // The body of the request.
    final var outgoing = ByteBuffer()
    /// Nothing more is added to `outgoing`.
    final var isOutputEnded = false
    /// `write` has returned false and its caller is owed `becameWritable()`.
    final var isAboveHighWater = false
    private var owesWritable = false
    /// The connection has given up on it once and it waits for another.
    final var attempts = 0

    // Of its HTTP/2 stream.
    final var streamID: Int32 = 0
    /// Its place among the streams of the connection.
    final var slot = 0
    /// nghttp2 has been told that there is nothing to send at the moment.
    final var isDeferred = false
    /// When outgoing bytes last moved, to within a tick.
    final var lastOutput = NIODeadline.uptimeNanoseconds(0)

    // The response.
    /// The fields of the header block that comes in.
    final var block = HeaderFields()
    final var blockBytes = 0
    final var blockStatus = 0
    final var isOversized = false
    final var isHeadReceived = false
    /// The response is complete, though its reader may not have all of it yet.
    final var isInputDone = false

    // Time.
    final var timeout: Duration?
    final var expiry = NIODeadline.distantFuture
    final var heapIndex = -1
    final var needsTurn = false

    init(method: String, target: String) {
        self.method = method
        self.target = target
    }

    // MARK: What the two kinds do differently

    /// The fields of the request after the pseudo headers, for HTTP/1.1 all but framing and `host`.
    func appendFields(to batch: inout HeaderBatch) {}
    /// The same for an upgrade over HTTP/2, which has no key.
    func appendFieldsWithoutKey(to batch: inout HeaderBatch) {}
    /// Whether its fields have the key of a WebSocket.
    var hasKey: Bool { false }
    /// The final head; 101: it goes on as a WebSocket.
    func receiveHead(_ status: Int, _ headers: HeaderFields, isLast: Bool) {}
    /// Part of the body, of HTTP/2; valid until this returns.
    func receiveData(_ bytes: UnsafeRawBufferPointer) {}
    /// Part of the body, of HTTP/1.1.
    func receiveData(_ bytes: ByteBuffer) { bytes.withUnsafeReadableBytes { receiveData($0) } }
    /// Fields behind the body.
    func receiveTrailers(_ headers: HeaderFields) {}
    /// The response is complete. Must call `finish()`, now or once what is parked has been taken.
    func receiveEnd() {}
    /// Bytes of the response that wait for their reader.
    var parkedBytes: Int { 0 }
    /// Tells the owner. Called once, after which nothing is called.
    func didFail(_ error: ClientError) {}
    func becameWritable() {}
    /// The first connection has taken it, and its head goes out in this turn.
    func didStart() {}
    /// What was put off to the end of the turn.
    func deliverParked() {}
    /// How long its body is when it is sent in parts and that is known.
    var announcedLength: Int? { nil }

    // MARK: Sending

    /// Whether the whole request can be sent again: it is still here from its first byte.
    final var isReplayable: Bool { !hasLostOutput && !isHeadReceived }
    /// What has gone out of its body is not kept.
    private var hasLostOutput = false
    private var hasBegun = false

    /// All that it was given of its body, when that is still here: of one that has failed, for another one to send.
    package final var given: ByteBuffer? {
        guard !hasLostOutput else { return nil }
        var all = outgoing
        all.moveReaderIndex(to: 0)
        return all
    }
    /// It asks to go on as a WebSocket: its "body" is what comes behind the answer, in both directions.
    final var isWebSocket = false
    /// The body was complete before the exchange began: it is kept as long as the exchange.
    final var isWhole = false
    /// What has gone out of a body that comes in parts stays in `outgoing`, in front of what has not.
    final var keepsOutput = false

    /// Whether its method has no body unless there is one (RFC 9110 §8.6).
    final var isBodyless: Bool {
        switch method {
        case "POST", "PUT", "PATCH": false
        default: true
        }
    }

    /// Whether sending it twice is the same as once (RFC 9110 §9.2.2).
    final var isIdempotent: Bool {
        switch method {
        case "GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE": true
        default: false
        }
    }

    /// Something was added to `outgoing`: false when the owner should wait for `becameWritable()`.
    final func outputAdded() -> Bool {
        guard let loop, phase != .ended else { return phase == .idle }
        guard outgoing.readableBytes <= loop.limits.maxSendBuffer else {
            stop(
                ClientError(
                    .overloaded, "The peer reads too slowly: \(loop.limits.maxSendBuffer) bytes of the request wait for it.",
                    mayHaveBeenSeen: true))
            return false
        }
        carrier?.outputChanged(self)
        guard outgoing.readableBytes > loop.limits.sendHighWater else { return true }
        isAboveHighWater = true
        return false
    }

    /// The carrier has taken `count` bytes of `outgoing`.
    final func outputTaken(_ count: Int) {
        let isKept = isWhole || keepsOutput
        if !isKept, count > 0 { hasLostOutput = true }
        if !isKept, count == outgoing.readableBytes {
            outgoing.clear()
        } else {
            outgoing.moveReaderIndex(forwardBy: count)
        }
        guard isAboveHighWater, let loop, outgoing.readableBytes <= loop.limits.sendLowWater else { return }
        isAboveHighWater = false
        owesWritable = true
        loop.needsTurn(self)
    }

    final func turn() {
        guard phase == .started || phase == .waiting else { return }
        deliverParked()
        if owesWritable, !isAboveHighWater, phase == .started {
            owesWritable = false
            becameWritable()
        }
    }

    // MARK: Life

    /// `now`: what the clock has just said, if anybody has asked.
    func begin(on loop: ClientLoop, pool: ConnectionPool, _ now: NIODeadline? = nil) {
        precondition(phase == .idle, "An exchange begins once.")
        self.loop = loop
        self.pool = pool
        isWhole = isOutputEnded
        phase = .waiting
        loop.busyPoll?.sent()
        if outgoing.capacity == 0, !isOutputEnded { outgoing = loop.takeBuffer() }
        if let timeout {
            expiry = (now ?? .now()) + TimeAmount(timeout)
        }
    }

    /// No connection has it: its deadline is seen to all the same.
    final func waits() {
        if expiry != .distantFuture, heapIndex < 0 { loop?.deadlines.insert(self) }
    }

    final func attach(_ carrier: any ExchangeCarrier) {
        phase = .started
        attempts += 1
        self.carrier = carrier
        if expiry != .distantFuture { loop?.watch(self) }
    }

    /// Gives it so long from now in place of the time that it had; nil: as long as it takes.
    package final func allow(_ timeout: Duration?) {
        guard let loop, phase == .waiting || phase == .started else { return }
        if heapIndex >= 0 { loop.deadlines.remove(self) }
        expiry = .distantFuture
        guard let timeout else { return }
        expiry = .now() + TimeAmount(timeout)
        if phase == .started { loop.watch(self) } else { waits() }
    }

    /// The carrier has sent its head, or will in this turn.
    final func began() {
        guard !hasBegun else { return }
        hasBegun = true
        didStart()
        guard let onStart else { return }
        self.onStart = nil
        onStart()
    }

    /// Goes back to waiting for a connection, with everything still to send. Only when `isReplayable`.
    final func detach() {
        phase = .waiting
        carrier = nil
        outgoing.moveReaderIndex(to: 0)
        isDeferred = false
        streamID = 0
        block.clear()
        blockBytes = 0
    }

    /// The response is complete and its owner knows.
    final func finish() { leave() }

    /// Ends it from the carrier's or the pool's side.
    final func fail(_ error: ClientError) {
        guard phase != .ended else { return }
        leave()
        didFail(error)
    }

    /// Ends it from our side: the carrier lets go, the owner learns why.
    final func stop(_ error: ClientError) {
        guard phase != .ended else { return }
        let carrier = carrier
        leave()
        carrier?.abort(self)
        didFail(error)
    }

    /// Nobody wants the response. Nothing is called any more.
    package final func cancel() {
        guard phase != .ended else { return }
        let carrier = carrier
        leave()
        carrier?.abort(self)
    }

    func expire() {
        let text = timeout.map { " within \($0.formattedSeconds)" } ?? ""
        stop(
            ClientError(
                .timeout, "\(pool?.name ?? "The peer") did not answer\(text).", mayHaveBeenSeen: phase == .started))
    }

    private final func leave() {
        if onStart != nil { onStart = nil }
        if phase == .waiting || phase == .started { loop?.busyPoll?.answered() }
        phase = .ended
        carrier = nil
        if heapIndex >= 0 { loop?.deadlines.remove(self) }
    }
}

extension Duration {
    var formattedSeconds: String {
        let milliseconds = Int(self / .milliseconds(1))
        return milliseconds % 1000 == 0 ? "\(milliseconds / 1000) s" : "\(milliseconds) ms"
    }
}
