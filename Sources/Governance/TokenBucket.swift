/// How many calls may begin in a time.
package struct RateLimitPolicy: Sendable, Equatable {
    /// So many in each `interval`, evenly.
    package var requests: Int
    package var interval: Duration
    /// So many at once, after a time without any.
    package var burst: Int
    /// nil: each runtime counts for itself.
    package var shared: SharedRateLimit?

    package init(requests: Int, interval: Duration = .seconds(1), burst: Int? = nil, shared: SharedRateLimit? = nil) {
        self.shared = shared
        self.requests = requests
        self.interval = interval
        self.burst = burst ?? requests
    }
}

/// A token bucket, kept as the time at which it will be full (the generic cell rate algorithm): one number, no refilling, no
/// rounding. Times are CLOCK_MONOTONIC nanoseconds that the caller gives; one that is before an earlier one counts as that one.
package struct TokenBucket: Sendable {
    package let policy: RateLimitPolicy
    // In units of a nanosecond divided by the requests of an interval, so that a token is a whole number of them.
    private let scale: Int128
    private let cost: Int128
    private let depth: Int128
    private var full = Int128.min / 2
    private var last = Int128.min / 2
    /// Calls that got no token.
    package private(set) var refused = 0

    package init(_ policy: RateLimitPolicy) {
        self.policy = policy
        scale = Int128(max(policy.requests, 1))
        cost = Int128(max(policy.interval.nanoseconds, 1))
        depth = cost * Int128(max(policy.burst, 1))
    }

    /// Takes a token: 0. Otherwise nanoseconds until there is one.
    package mutating func take(now: Int64) -> Int64 {
        last = max(last, Int128(now) * scale)
        let next = max(full, last) + cost
        let missing = next - last - depth
        guard missing <= 0 else {
            refused += 1
            return Int64(clamping: (missing + scale - 1) / scale)
        }
        full = next
        return 0
    }
}
