/// How many of the calls may be retries, so that retries do not make an outage worse.
package struct RetryBudgetPolicy: Sendable, Equatable {
    /// Of the first tries of the window, 0 to 1 and more.
    package var share: Double
    /// In each window these are there in any case.
    package var minRetries: Int
    package var window: Duration

    package init(share: Double = 0.2, minRetries: Int = 10, window: Duration = .seconds(10)) {
        self.share = share
        self.minRetries = minRetries
        self.window = window
    }
}

/// Counts first tries and retries in a window that slides in ten steps.
package struct RetryBudget: Sendable {
    package let policy: RetryBudgetPolicy
    private static let steps = 10
    private var tries = [Int](repeating: 0, count: steps)
    private var retries = [Int](repeating: 0, count: steps)
    private var step: Int64 = .min
    private let length: Int64
    /// Retries that were not made for want of it.
    package private(set) var refused = 0

    package init(_ policy: RetryBudgetPolicy) {
        self.policy = policy
        length = max(policy.window.nanoseconds / Int64(Self.steps), 1)
    }

    package mutating func tried(now: Int64) {
        let at = advance(now)
        tries[at] += 1
    }

    /// Whether one more retry may be made; it counts as made.
    package mutating func spend(now: Int64) -> Bool {
        let at = advance(now)
        var (first, again) = (0, 0)
        for index in 0..<Self.steps {
            first += tries[index]
            again += retries[index]
        }
        guard again < max(policy.minRetries, Int(Double(first) * policy.share)) else {
            refused += 1
            return false
        }
        retries[at] += 1
        return true
    }

    private mutating func advance(_ now: Int64) -> Int {
        let current = max(step, now / length)
        if step == .min { step = current }
        let passed = min(current - step, Int64(Self.steps))
        if passed > 0 {
            for offset in 0..<passed {
                let at = Self.index(current - offset)
                tries[at] = 0
                retries[at] = 0
            }
            step = current
        }
        return Self.index(current)
    }

    private static func index(_ step: Int64) -> Int { Int(((step % Int64(steps)) + Int64(steps)) % Int64(steps)) }
}
