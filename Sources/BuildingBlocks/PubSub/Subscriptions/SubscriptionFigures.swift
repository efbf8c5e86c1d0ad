import Synchronization

/// What became of the messages of a subscription. Counters only grow.
package struct SubscriptionTotals: Sendable, Equatable {
    /// Times that a message was given to the app.
    package var delivered: UInt64 = 0
    /// Times that one was settled to come again.
    package var retried: UInt64 = 0
    /// Messages that nobody gets any more: dropped by the app, over in time, unreadable, without a rule; and no dead-letter topic.
    package var dropped: UInt64 = 0
    /// Messages that went to the dead-letter topic.
    package var deadLettered: UInt64 = 0

    package init() {}

    static func + (a: Self, b: Self) -> Self {
        var sum = a
        sum.delivered += b.delivered
        sum.retried += b.retried
        sum.dropped += b.dropped
        sum.deadLettered += b.deadLettered
        return sum
    }
}

/// Counts for one subscription. Written by its event loop, read by any thread.
final class SubscriptionFigures: Sendable {
    private let delivered = Atomic<UInt64>(0)
    private let retried = Atomic<UInt64>(0)
    private let dropped = Atomic<UInt64>(0)
    private let deadLettered = Atomic<UInt64>(0)
    private let held = Atomic<Int>(0)
    /// When the app last answered, or was given something after it had nothing; monotonic nanoseconds.
    private let movedAt = Atomic<Int64>(0)

    /// The app got one.
    func gave(_ now: @autoclosure () -> Int64) {
        delivered.wrappingAdd(1, ordering: .relaxed)
        if held.wrappingAdd(1, ordering: .relaxed).oldValue == 0 { movedAt.store(now(), ordering: .relaxed) }
    }

    /// The app has answered one.
    func answered(_ now: Int64) {
        held.wrappingSubtract(1, ordering: .relaxed)
        movedAt.store(now, ordering: .relaxed)
    }

    /// What the app has not answered comes again: it is no longer waited for.
    func forget(_ count: Int) { held.wrappingSubtract(count, ordering: .relaxed) }

    func addRetried() { retried.wrappingAdd(1, ordering: .relaxed) }
    func addDropped() { dropped.wrappingAdd(1, ordering: .relaxed) }
    func addDeadLettered() { deadLettered.wrappingAdd(1, ordering: .relaxed) }

    var totals: SubscriptionTotals {
        var totals = SubscriptionTotals()
        totals.delivered = delivered.load(ordering: .relaxed)
        totals.retried = retried.load(ordering: .relaxed)
        totals.dropped = dropped.load(ordering: .relaxed)
        totals.deadLettered = deadLettered.load(ordering: .relaxed)
        return totals
    }

    /// Messages that the app has and has not answered.
    var inFlight: Int { max(held.load(ordering: .relaxed), 0) }

    /// Since when (monotonic) the app has been silent about what it has; nil when it has nothing.
    var silentSince: Int64? { inFlight > 0 ? movedAt.load(ordering: .relaxed) : nil }
}
