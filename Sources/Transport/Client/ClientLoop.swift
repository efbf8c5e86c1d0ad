package import NIOCore

/// What the clients on one event loop share: limits, deadlines, the flush at the end of a turn, and one timer.
/// Confined to that loop; many clients may use it.
package final class ClientLoop {
    package let eventLoop: any EventLoop
    package let limits: ClientLimits
    let deadlines: DeadlineHeap<ClientExchange>
    /// The time of the last tick: right to within `tickPeriod`, free to read.
    private(set) var now: NIODeadline
    /// Bytes on their way out, filled by one connection at a time and handed to its channel.
    var outgoing = ByteBufferAllocator().buffer(capacity: 96 << 10)

    let busyPoll: BusyPoll?

    private var spareFields = HeaderFields()
    private var spareBuffers: [ByteBuffer] = []
    private static let spareLimit = 256

    private var connections: [any ClientConnection] = []
    private var dirty: [any ClientConnection] = []
    private var turns: [ClientExchange] = []
    private var isTurnScheduled = false
    private var isTicking = false
    private let tickPeriod: TimeAmount
    /// Deadlines behind this are looked at by a later tick.
    private let horizon: TimeAmount

    /// `busyPoll`: keeps the loop awake for answers; nil: it sleeps at once.
    package init(eventLoop: any EventLoop, limits: ClientLimits = ClientLimits(), busyPoll: BusyPoll? = nil) {
        self.busyPoll = busyPoll
        self.eventLoop = eventLoop
        self.limits = limits
        deadlines = DeadlineHeap(eventLoop: eventLoop)
        now = .now()
        tickPeriod = TimeAmount(limits.tickPeriod)
        horizon = TimeAmount(limits.tickPeriod * 2)
    }

    /// Open connections of all clients, those being made not included.
    package var openConnections: Int { connections.count }

    // MARK: Memory that is used again

    /// Memory for the fields of one request; `put` gives it back.
    func takeFields() -> HeaderFields {
        var fields = HeaderFields()
        swap(&fields, &spareFields)
        return fields
    }

    func put(_ fields: consuming HeaderFields) { spareFields = fields }

    /// A buffer for the body of a request, empty.
    func takeBuffer() -> ByteBuffer { spareBuffers.popLast() ?? ByteBuffer() }

    /// Takes a buffer that nobody reads from any more.
    func put(_ buffer: inout ByteBuffer) {
        guard 1...16 << 10 ~= buffer.capacity, spareBuffers.count < Self.spareLimit else { return }
        buffer.clear()
        var empty = ByteBuffer()
        swap(&buffer, &empty)
        spareBuffers.append(empty)
    }

    // MARK: Connections

    func add(_ connection: any ClientConnection) {
        connection.registryIndex = connections.count
        connections.append(connection)
        guard !isTicking else { return }
        isTicking = true
        now = .now()
        scheduleTick()
    }

    func remove(_ connection: any ClientConnection) {
        let index = connection.registryIndex
        guard index >= 0 else { return }
        connection.registryIndex = -1
        let last = connections.removeLast()
        if last !== connection {
            connections[index] = last
            last.registryIndex = index
        }
    }

    private func scheduleTick() {
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        eventLoop.scheduleTask(in: tickPeriod) { bound.value.tick() }
    }

    private func tick() {
        now = .now()
        for connection in connections { connection.tick(now) }
        if connections.isEmpty { isTicking = false } else { scheduleTick() }
    }

    // MARK: Deadlines

    /// Sees to the deadline of an exchange that a connection has. One that is far away is left to the ticks, which ask again: most
    /// calls end long before.
    func watch(_ exchange: ClientExchange) {
        if exchange.heapIndex < 0, exchange.expiry - now <= horizon { deadlines.insert(exchange) }
    }

    // MARK: The end of the turn

    /// `connection` has something to write: all of it goes out with one write at the end of the turn.
    func flushAtEndOfTurn(_ connection: any ClientConnection) {
        dirty.append(connection)
        scheduleTurn()
    }

    /// `exchange.turn()` runs at the end of the turn.
    func needsTurn(_ exchange: ClientExchange) {
        guard !exchange.needsTurn else { return }
        exchange.needsTurn = true
        turns.append(exchange)
        scheduleTurn()
    }

    private func scheduleTurn() {
        guard !isTurnScheduled else { return }
        isTurnScheduled = true
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        eventLoop.execute { bound.value.endTurn() }
    }

    private func endTurn() {
        isTurnScheduled = false
        if !turns.isEmpty {
            let batch = turns
            turns.removeAll(keepingCapacity: true)
            for exchange in batch {
                exchange.needsTurn = false
                exchange.turn()
            }
        }
        let batch = dirty
        dirty.removeAll(keepingCapacity: true)
        for connection in batch { connection.flushTurn() }
    }
}

/// A client's connection as its loop sees it.
protocol ClientConnection: AnyObject {
    /// Its place in `ClientLoop.connections`; -1 outside.
    var registryIndex: Int { get set }
    /// Checks the timeouts.
    func tick(_ now: NIODeadline)
    /// Writes what waits.
    func flushTurn()
    /// Closes at once; what is in flight fails.
    func close()
}
