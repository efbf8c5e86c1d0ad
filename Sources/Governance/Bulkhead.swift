/// How many calls a target has at a time, and how many more wait for it.
package struct BulkheadPolicy: Sendable, Equatable {
    package var maxConcurrent: Int
    package var maxQueued: Int
    /// How long one waits at most; nil: as long as its caller does.
    package var maxWait: Duration?

    package init(maxConcurrent: Int, maxQueued: Int = 0, maxWait: Duration? = nil) {
        self.maxConcurrent = maxConcurrent
        self.maxQueued = maxQueued
        self.maxWait = maxWait
    }
}

/// Counts calls under way and keeps those that wait, in their order.
package struct Bulkhead<Waiting: Sendable>: Sendable {
    package let policy: BulkheadPolicy
    package private(set) var inFlight = 0
    private var queue: [(id: UInt64, waiting: Waiting)] = []
    private var nextID: UInt64 = 0
    package private(set) var refused = 0

    package enum Entry: Equatable { case now, later(UInt64), refused }

    package init(_ policy: BulkheadPolicy) { self.policy = policy }

    package var queued: Int { queue.count }

    package mutating func enter(_ waiting: @autoclosure () -> Waiting) -> Entry {
        if inFlight < policy.maxConcurrent, queue.isEmpty {
            inFlight += 1
            return .now
        }
        guard queue.count < policy.maxQueued else {
            refused += 1
            return .refused
        }
        nextID += 1
        queue.append((nextID, waiting()))
        return .later(nextID)
    }

    /// One is over; gives who is to go on in its place.
    package mutating func leave() -> Waiting? {
        if !queue.isEmpty { return queue.removeFirst().waiting }
        if inFlight > 0 { inFlight -= 1 }
        return nil
    }

    /// One that waits goes away; false when it has been let in.
    package mutating func giveUp(_ id: UInt64) -> Bool {
        guard let at = queue.firstIndex(where: { $0.id == id }) else { return false }
        queue.remove(at: at)
        return true
    }
}
