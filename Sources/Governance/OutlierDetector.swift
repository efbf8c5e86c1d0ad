/// When an instance of an app is left out because its calls fail.
package struct OutlierPolicy: Sendable, Equatable {
    package var consecutiveFailures: Int
    /// The first time; each time it is longer by as much again.
    package var ejectionTime: Duration
    package var maxEjectionTime: Duration
    /// Of the instances, 0 to 100; one may always be left out, if there is another.
    package var maxEjectionPercent: Double

    package init(
        consecutiveFailures: Int = 5, ejectionTime: Duration = .seconds(30), maxEjectionTime: Duration = .seconds(300),
        maxEjectionPercent: Double = 50
    ) {
        self.consecutiveFailures = consecutiveFailures
        self.ejectionTime = ejectionTime
        self.maxEjectionTime = maxEjectionTime
        self.maxEjectionPercent = maxEjectionPercent
    }

    /// How many of `count` instances may be left out.
    package func most(of count: Int) -> Int {
        count <= 1 ? 0 : min(count - 1, max(1, Int(Double(count) * maxEjectionPercent / 100)))
    }
}

/// What is known of one instance. Times are CLOCK_MONOTONIC nanoseconds.
package struct OutlierRecord: Sendable {
    package private(set) var failures = 0
    package private(set) var ejections = 0
    package private(set) var ejectedUntil: Int64 = 0

    package init() {}

    package func isEjected(now: Int64) -> Bool { now < ejectedUntil }

    /// `mayEject`: whether there is room among those that are left out. True when it is left out from now on.
    package mutating func ended(success: Bool, _ policy: OutlierPolicy, now: Int64, mayEject: Bool) -> Bool {
        if success {
            failures = 0
            // Who has been well for as long as it would be left out begins anew.
            if ejections > 0, now - ejectedUntil > policy.maxEjectionTime.nanoseconds { ejections = 0 }
            return false
        }
        failures += 1
        guard failures >= policy.consecutiveFailures, !isEjected(now: now), mayEject else { return false }
        failures = 0
        ejections += 1
        ejectedUntil = now + min(policy.ejectionTime * ejections, policy.maxEjectionTime).nanoseconds
        return true
    }
}
