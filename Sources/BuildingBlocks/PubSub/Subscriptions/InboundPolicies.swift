/// How what components deliver is taken to the app, by component. A value.
package struct InboundPolicies: Sendable {
    /// For one component; nil: what is usual.
    package struct Policy: Sendable, Equatable {
        package var retry: RetryPolicy?
        /// The app must have answered a delivery by then.
        package var timeout: Duration?

        package init(retry: RetryPolicy? = nil, timeout: Duration? = nil) {
            self.retry = retry
            self.timeout = timeout
        }
    }

    /// Components that are targets.
    package var targets: [String: Policy] = [:]
    /// For all others, with the pub/sub components' own names before the general ones.
    package var pubsub = Policy()
    package var bindings = Policy()

    package init() {}

    package func policy(forPubSub component: String) -> Policy { targets[component] ?? pubsub }
    package func policy(forBinding component: String) -> Policy { targets[component] ?? bindings }
}

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

    package init(first: Duration, factor: Double = 1, longest: Duration, spread: Double = 0, retries: Int? = nil) {
        self.first = first
        self.factor = factor
        self.longest = longest
        self.spread = spread
        self.retries = retries
    }

    /// `attempt`: tries that have failed before this one. `chance`: -1 to 1.
    func pause(attempt: Int, chance: Double) -> Duration {
        var pause = first / .nanoseconds(1)
        let most = longest / .nanoseconds(1)
        if factor > 1 { for _ in 0..<min(attempt, 200) where pause < most { pause *= factor } }
        return .nanoseconds(Int64(min(pause * (1 + spread * chance), most)))
    }
}
