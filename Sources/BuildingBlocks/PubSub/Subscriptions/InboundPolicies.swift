package import Governance

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
