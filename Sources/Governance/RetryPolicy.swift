/// When something that has failed is tried again. A value; chance is passed in.
package struct RetryPolicy: Sendable, Equatable {
    /// The first pause.
    package var first: Duration
    /// What each pause is longer by than the one before it; 1: all are the same.
    package var factor: Double
    package var longest: Duration
    /// A pause is up to this share longer or shorter than it would be.
    package var spread: Double
    /// After the first try; nil: for ever.
    package var retries: Int?
    /// Which failures are worth it.
    package var matching: StatusMatching

    package init(
        first: Duration, factor: Double = 1, longest: Duration, spread: Double = 0, retries: Int? = nil,
        matching: StatusMatching = StatusMatching()
    ) {
        self.first = first
        self.factor = factor
        self.longest = longest
        self.spread = spread
        self.retries = retries
        self.matching = matching
    }

    /// `attempt`: tries that have failed before this one. `chance`: -1 to 1.
    package func pause(attempt: Int, chance: Double) -> Duration {
        var pause = first / .nanoseconds(1)
        let most = longest / .nanoseconds(1)
        if factor > 1 { for _ in 0..<min(attempt, 200) where pause < most { pause *= factor } }
        return .nanoseconds(Int64(min(pause * (1 + spread * chance), most)))
    }

    /// Whether there is another try after `attempt` retries.
    package func permits(retry attempt: Int) -> Bool { retries.map { attempt < $0 } ?? true }
}
