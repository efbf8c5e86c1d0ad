package import Governance

/// How often an event is delivered again, and when. Time and chance are passed in and out.
package struct DeliveryPolicy: Sendable {
    var retry: RetryPolicy
    let hasDeadLetter: Bool

    /// A policy that is given counts. Without one an event that fails goes to the dead-letter topic at once, or is tried again
    /// for ever. Source: Dapr's dead-letter topics.
    package init(_ given: RetryPolicy?, hasDeadLetter: Bool) {
        self.hasDeadLetter = hasDeadLetter
        retry =
            given ?? RetryPolicy(first: .milliseconds(100), factor: 2, longest: .seconds(10), retries: hasDeadLetter ? 0 : nil)
    }

    /// When the event is to be delivered again; `nil`: it goes to the dead-letter topic. `attempt`: deliveries that have failed
    /// before this one. Without a dead-letter topic nothing is given up: what is over its tries comes again after the longest pause.
    func pause(attempt: Int, chance: Double = .random(in: -1...1)) -> Duration? {
        guard let retries = retry.retries, attempt >= retries else { return retry.pause(attempt: attempt, chance: chance) }
        return hasDeadLetter ? nil : retry.longest
    }

    /// After the app was not reached, which is no fault of the event.
    func pauseUnreached() -> Duration { min(max(retry.first, .milliseconds(100)), retry.longest) }

    /// After the dead-letter topic did not take the event.
    var longest: Duration { max(retry.longest, .milliseconds(100)) }
}
