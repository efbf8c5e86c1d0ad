/// How many calls a target has at a time, found by how long they take.
package struct ConcurrencyPolicy: Sendable, Equatable {
    package var minimum: Int
    package var maximum: Int
    package var initial: Int
    /// Calls may take so much longer than they do when nothing waits.
    package var tolerance: Double

    package init(minimum: Int = 4, maximum: Int = 1000, initial: Int = 20, tolerance: Double = 1.5) {
        self.minimum = minimum
        self.maximum = maximum
        self.initial = initial
        self.tolerance = tolerance
    }
}

/// A limit that follows the gradient of latency: the ratio of what a call takes when nothing waits to what it takes now. Where
/// calls get slower than `tolerance` allows, work queues up somewhere, and the limit sinks in that ratio; where they don't, it
/// grows by about its root. A call that ends for want of room, or by its timeout, lowers it by a tenth at once. From time to time few calls
/// at a time are let in for a moment, to see again what one takes when nothing waits.
package struct ConcurrencyLimit: Sendable {
    package let policy: ConcurrencyPolicy
    package private(set) var inFlight = 0
    package private(set) var refused = 0
    private var exact: Double
    /// Nanoseconds of a call without waiting.
    private var base = 0.0
    /// The limit that comes back after a look at calls without waiting.
    private var suspended: Double?
    private var changed: Int64 = 0
    private var windows = 0
    private var sum = 0.0
    private var samples = 0
    private var wasFull = false

    /// Calls of which each step is made.
    private static let window = 20
    /// Steps between two looks.
    private static let looks = 500

    package init(_ policy: ConcurrencyPolicy) {
        self.policy = policy
        exact = Double(min(max(policy.initial, policy.minimum), policy.maximum))
    }

    package var limit: Int { max(Int(exact), 1) }

    package mutating func enter() -> Bool {
        guard inFlight < limit else {
            refused += 1
            return false
        }
        inFlight += 1
        if inFlight * 2 > limit { wasFull = true }
        return true
    }

    /// One that has entered was not made.
    package mutating func withdraw() { if inFlight > 0 { inFlight -= 1 } }

    /// `began`, `now`: CLOCK_MONOTONIC nanoseconds. `overloaded`: it ended for want of room or time.
    package mutating func leave(began: Int64, overloaded: Bool, now ended: Int64) {
        if inFlight > 0 { inFlight -= 1 }
        if overloaded { return set(exact * 0.9) }
        // Calls that have met others say nothing of how long one takes by itself.
        if suspended != nil, began < changed { return }
        sum += Double(max(ended - began, 1))
        samples += 1
        guard samples >= Self.window else { return }
        let now = sum / Double(samples)
        (sum, samples) = (0, 0)
        windows += 1
        if let before = suspended {
            suspended = nil
            base = now
            return set(before)
        }
        if windows % Self.looks == 0 {
            suspended = exact
            changed = ended
            return set(Double(policy.minimum))
        }
        base = base == 0 ? now : min(base, now)
        let gradient = min(max(policy.tolerance * base / now, 0.5), 1)
        let wanted = exact * gradient + exact.squareRoot()
        // A limit that nobody reaches says nothing about the target.
        if wasFull || wanted < exact { set(exact * 0.8 + wanted * 0.2) }
        wasFull = false
    }

    private mutating func set(_ value: Double) { exact = min(max(value, Double(policy.minimum)), Double(policy.maximum)) }
}
