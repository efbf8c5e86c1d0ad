import NIOCore

#if canImport(Glibc)
    import Glibc
#endif

/// What the connections of one server share on one event loop: the application, the limits, reusable objects,
/// counters, timers and the flush at the end of a turn. Confined to that loop.
final class LoopContext {
    let eventLoop: any EventLoop
    let index: Int
    let limits: Server.Limits
    private(set) var tls: TLSServerContext?
    /// Others vouch for clients than at the start.
    private var isTrustChanged = false
    let router: GRPCRouter
    let http: any HTTPHandler
    let deadlines: DeadlineHeap<GRPCCall>
    /// Of `limits`, for what is asked for each header field.
    let maxHeaderBytes: Int
    let maxHeaderCount: Int

    /// Counters; `openConnections` is kept by the connections array.
    var counts = Server.Statistics()
    /// The time of the last tick: right to within `tickPeriod`, free to read.
    private(set) var now: NIODeadline
    /// Bytes on their way out, filled by one connection at a time and handed to its channel.
    var outgoing: ByteBuffer
    private var dateSecond = 0
    private var dateText = ""

    private(set) var isDraining = false
    private var connections: [any Connection] = []
    private var dirty: [HTTP2Connection] = []
    private var isFlushScheduled = false
    private var isTicking = false
    private let tickPeriod: TimeAmount
    private var drained: [EventLoopPromise<Void>] = []

    let busyPoll: BusyPoll?

    private var spareStreams: [HTTP2Stream] = []
    private var spareCalls: [GRPCCall] = []

    init(
        eventLoop: any EventLoop, index: Int, limits: Server.Limits, tls: TLSServerContext?,
        application: LoopApplication
    ) {
        self.eventLoop = eventLoop
        self.index = index
        self.limits = limits
        self.tls = tls
        maxHeaderBytes = limits.maxHeaderBytes
        maxHeaderCount = limits.maxHeaderCount
        router = application.grpc
        http = application.http
        busyPoll = application.busyPoll
        deadlines = DeadlineHeap(eventLoop: eventLoop)
        now = NIODeadline.now()
        outgoing = ByteBufferAllocator().buffer(capacity: 96 << 10)
        tickPeriod = limits.tickPeriod
    }

    // MARK: Connections

    func add(_ connection: any Connection) {
        connection.registryIndex = connections.count
        connections.append(connection)
        if isDraining { connection.drain() }
        startTicking()
    }

    func remove(_ connection: any Connection) {
        let index = connection.registryIndex
        guard index >= 0 else { return }
        connection.registryIndex = -1
        let last = connections.removeLast()
        if last !== connection {
            connections[index] = last
            last.registryIndex = index
        }
        completeDrain()
    }

    var statistics: Server.Statistics {
        var result = counts
        result.openConnections = connections.count
        return result
    }

    func count(_ error: Server.ProtocolError) { counts.errors[error, default: 0] &+= 1 }

    /// Takes `bytes` more into the account of held request bytes; false when the limit is reached.
    func hold(_ bytes: Int) -> Bool {
        guard counts.bufferedBytes + bytes <= limits.maxBufferedBytes else { return false }
        counts.bufferedBytes += bytes
        return true
    }

    // MARK: Other certificates

    /// From now on connections have the settings of `tls`. Those with earlier ones are asked to go away; whom the roots do
    /// not vouch for any more is cut off.
    func use(_ tls: TLSServerContext) {
        if let old = self.tls, old.roots.map(\.fingerprint) != tls.roots.map(\.fingerprint) { isTrustChanged = true }
        self.tls = tls
        for connection in connections { if let connection = connection as? any SecureConnection { judge(connection) } }
    }

    /// Other runtimes come again for every change, by which they are known anew. A client of the API stays, unless it is not trusted any more.
    func judge(_ connection: any SecureConnection) {
        guard let tls, let handler = connection.tls, !handler.isOf(tls.context) else { return }
        if tls.requiresHTTP2 {
            if handler.isVouchedFor(by: tls.roots) { connection.drain() } else { connection.cut() }
        } else if isTrustChanged, !tls.roots.isEmpty, !handler.isVouchedFor(by: tls.roots) {
            connection.cut()
        }
    }

    func release(_ bytes: Int) { counts.bufferedBytes -= bytes }

    // MARK: Drain

    func drain(_ promise: EventLoopPromise<Void>) {
        drained.append(promise)
        isDraining = true
        for connection in connections { connection.drain() }
        completeDrain()
    }

    /// The grace is over: what is left is cancelled and closed.
    func cut() {
        for connection in connections { connection.cut() }
    }

    private func completeDrain() {
        guard isDraining, connections.isEmpty else { return }
        // What is kept for reuse refers back to this object.
        spareStreams = []
        spareCalls = []
        let waiting = drained
        drained = []
        for promise in waiting { promise.succeed(()) }
    }

    // MARK: Flush at the end of the turn

    /// Replies that come outside of a connection's own reading are written once for each turn of the event
    /// loop, however many there are.
    func flushAtEndOfTurn(_ connection: HTTP2Connection) {
        dirty.append(connection)
        guard !isFlushScheduled else { return }
        isFlushScheduled = true
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        eventLoop.execute { bound.value.flushDirty() }
    }

    private func flushDirty() {
        isFlushScheduled = false
        let batch = dirty
        dirty.removeAll(keepingCapacity: true)
        for connection in batch { connection.finishTurn() }
    }

    // MARK: Time

    /// One timer for all connections of the loop: none of their timeouts needs more than a tick's precision.
    private func startTicking() {
        guard !isTicking else { return }
        isTicking = true
        now = NIODeadline.now()
        scheduleTick()
    }

    private func scheduleTick() {
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        eventLoop.scheduleTask(in: tickPeriod) { bound.value.tick() }
    }

    private func tick() {
        now = NIODeadline.now()
        for connection in connections { connection.tick(now) }
        if connections.isEmpty { isTicking = false } else { scheduleTick() }
    }

    /// The value of a `date` field (RFC 9110 §6.6.1), made once a second.
    var date: String {
        var seconds = time(nil)
        guard seconds != dateSecond else { return dateText }
        dateSecond = seconds
        var parts = tm()
        gmtime_r(&seconds, &parts)
        dateText = withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { text in
            let count = strftime(text.baseAddress!, text.count, "%a, %d %b %Y %H:%M:%S GMT", &parts)
            return String(
                decoding: UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(text)[..<count]), as: UTF8.self)
        }
        return dateText
    }

    // MARK: Objects used again

    func takeStream() -> HTTP2Stream { spareStreams.popLast() ?? HTTP2Stream() }

    func put(_ stream: HTTP2Stream) {
        if spareStreams.count < 1024 { spareStreams.append(stream) }
    }

    func takeCall() -> GRPCCall { spareCalls.popLast() ?? GRPCCall(loop: self) }

    func put(_ call: GRPCCall) {
        if spareCalls.count < 1024 { spareCalls.append(call) }
    }
}

/// A connection as the loop sees it.
protocol Connection: AnyObject {
    /// Its place in `LoopContext.connections`; -1 outside.
    var registryIndex: Int { get set }
    /// Checks the timeouts.
    func tick(_ now: NIODeadline)
    /// Asks the peer to go away and closes when nothing is in flight.
    func drain()
    /// Cancels what is in flight and closes.
    func cut()
}

/// One that may have TLS.
protocol SecureConnection: Connection {
    var tls: TLSHandler? { get }
}

extension Server.Limits {
    /// How often timeouts are checked: a quarter of the shortest, at most a second.
    var tickPeriod: TimeAmount {
        let all =
            [
                handshakeTimeout, headerTimeout, bodyTimeout, writeTimeout, idleTimeout, keepAliveTime,
                keepAliveTimeout,
            ] + (maxConnectionAge.map { [$0] } ?? [])
        let shortest = all.map { TimeAmount($0).nanoseconds }.min() ?? 0
        return .nanoseconds(max(5_000_000, min(1_000_000_000, shortest / 4)))
    }
}
