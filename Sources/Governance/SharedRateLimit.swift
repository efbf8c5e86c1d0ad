/// That one count holds for all runtimes, and where it is kept.
package struct SharedRateLimit: Sendable, Equatable {
    /// What holds while the store can't be reached.
    package enum Fallback: String, Sendable, CaseIterable {
        /// Each runtime has the limit for itself.
        case local
        case allow, refuse
    }

    /// A state component that writes under conditions (ETags).
    package var store: String
    package var withoutStore: Fallback

    package init(store: String, withoutStore: Fallback = .local) {
        self.store = store
        self.withoutStore = withoutStore
    }
}

/// The count that runtimes share: the time at which the bucket will be full (the generic cell rate algorithm), which whoever reserves tokens
/// moves on. Each token has its place in time. It may be used from `depth` before its place until then, so that however long somebody keeps
/// tokens, of all that are used in a window there are no more than what the window yields and one burst.
package struct SharedCount: Sendable, Equatable {
    /// Nanoseconds that a token stands for.
    package let cost: Int64
    /// Nanoseconds that a burst stands for.
    package let depth: Int64
    /// The burst that holds: blocks are no use in one that is smaller than what a tenth of a second yields.
    package let burst: Int

    /// Tokens live so long, where the rate allows it.
    private static let life: Int64 = 100_000_000
    /// A place further away than the burst and this comes of a clock that was wrong.
    private static let skew: Int64 = 60_000_000_000
    /// Ten years.
    private static let longest: Int64 = 315_360_000_000_000_000

    package init(_ policy: RateLimitPolicy) {
        let requests = Int64(max(policy.requests, 1)), interval = max(policy.interval.nanoseconds, 1)
        let cost = min((interval - 1) / requests + 1, Self.longest)
        self.cost = cost
        burst = max(policy.burst, Int(Self.life / cost), 1)
        let (depth, isTooLong) = cost.multipliedReportingOverflow(by: Int64(burst))
        self.depth = isTooLong ? Self.longest : min(depth, Self.longest)
    }

    package struct Reservation: Sendable, Equatable {
        package var count: Int
        /// The place of the first token, after which it is void; those of the others follow in steps of `cost`.
        package var first: Int64
        /// The new count, if there are tokens.
        package var full: Int64
        /// Nanoseconds until there are more; 0: there are.
        package var wait: Int64
    }

    /// Up to `wanted` tokens. `full`: the count; nil: nobody has used any. `now`: nanoseconds since 1970.
    package func reserve(_ wanted: Int, full: Int64?, now: Int64) -> Reservation {
        let end = now + depth
        var base = max(full ?? now, now)
        if base > end + Self.skew { base = end }
        let count = min(Int64(max(wanted, 1)), max((end - base) / cost, 0))
        // A token whose place is the present would be void before it arrives.
        let lead = max(0, min(Self.life, depth / 4) - cost)
        let start = max(base, min(now + lead, end - count * cost))
        let next = start + count * cost
        return Reservation(
            count: Int(count), first: start + cost, full: next, wait: count < wanted ? max(next + cost - end, 1) : 0)
    }
}

/// Tokens that this runtime has reserved and not yet used. Times are CLOCK_MONOTONIC nanoseconds.
package struct ReservedTokens: Sendable, Equatable {
    package private(set) var count: Int
    private var place: Int64
    private let cost: Int64
    /// Void from then on, whatever their places are: nobody hoards.
    private let end: Int64

    private static let keeping: Int64 = 2_000_000_000

    package static let none = ReservedTokens(count: 0, first: 0, cost: 1, now: 0)

    /// `first`: the place of the first.
    package init(count: Int, first: Int64, cost: Int64, now: Int64) {
        self.count = count
        place = first
        self.cost = cost
        end = now + Self.keeping
    }

    /// Leaves out those that are void.
    package mutating func age(now: Int64) {
        guard count > 0 else { return }
        if now > end {
            count = 0
        } else if place < now {
            let void = min(Int64(count), (now - place - 1) / cost + 1)
            count -= Int(void)
            place += void * cost
        }
    }

    package mutating func take(now: Int64) -> Bool {
        age(now: now)
        guard count > 0 else { return false }
        count -= 1
        place += cost
        return true
    }
}
