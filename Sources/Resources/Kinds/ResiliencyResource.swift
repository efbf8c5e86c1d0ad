package import Governance

/// A `Resiliency` document: the policies of calls to apps, of calls to components and of what components deliver. Dapr's members, and
/// more of our own beside them, which Dapr passes over (decisions/0049). `unapplied` names what it has besides.
package struct ResiliencyResource: Sendable, Equatable {
    package var header: ResourceHeader
    package var timeouts: [String: Duration] = [:]
    package var retries: [String: Retry] = [:]
    package var breakers: [String: BreakerPolicy] = [:]
    package var budgets: [String: RetryBudgetPolicy] = [:]
    package var rateLimits: [String: RateLimitPolicy] = [:]
    package var concurrencyLimits: [String: ConcurrencyPolicy] = [:]
    package var bulkheads: [String: BulkheadPolicy] = [:]
    package var outliers: [String: OutlierPolicy] = [:]
    package var faults: [String: FaultPolicy] = [:]
    package var routes: [String: RoutePolicy] = [:]
    package var mirrors: [String: MirrorPolicy] = [:]
    package var hedges: [String: HedgePolicy] = [:]

    /// By app, with its namespace if the name has one. A target has no default policies, whatever it names.
    package var apps: [String: Names] = [:]
    /// Calls of a component.
    package var outbound: [String: Names] = [:]
    /// What a component delivers.
    package var inbound: [String: Names] = [:]
    /// Parts that have no effect, as paths.
    package var unapplied: [String] = []

    /// Names of policies, by the member that names them.
    package typealias Names = [PolicyKind: String]

    /// How often something is tried again, and when.
    package struct Retry: Sendable, Equatable {
        package enum Growth: String, Sendable, CaseIterable {
            /// The same pause, `duration`, each time.
            case constant
            /// From 500 ms, half as much again each time, by chance half as long to one and a half times as long, at most `maxInterval`.
            case exponential
        }

        package var growth = Growth.constant
        package var duration = Duration.seconds(5)
        package var maxInterval = Duration.seconds(60)
        /// After the first try; nil: for ever.
        package var maxRetries: Int?
        package var matching = StatusMatching()

        package init(
            growth: Growth = .constant, duration: Duration = .seconds(5), maxInterval: Duration = .seconds(60), maxRetries: Int? = nil,
            matching: StatusMatching = StatusMatching()
        ) {
            self.growth = growth
            self.duration = duration
            self.maxInterval = maxInterval
            self.maxRetries = maxRetries
            self.matching = matching
        }

        package var policy: RetryPolicy {
            switch growth {
            case .constant: RetryPolicy(first: duration, longest: duration, retries: maxRetries, matching: matching)
            case .exponential:
                RetryPolicy(
                    first: min(.milliseconds(500), maxInterval), factor: 1.5, longest: maxInterval, spread: 0.5, retries: maxRetries,
                    matching: matching)
            }
        }
    }

    /// Names of the policies of a kind.
    func names(of kind: PolicyKind) -> [String] {
        switch kind {
        case .timeout: Array(timeouts.keys)
        case .retry: Array(retries.keys)
        case .circuitBreaker: Array(breakers.keys)
        case .retryBudget: Array(budgets.keys)
        case .rateLimit: Array(rateLimits.keys)
        case .concurrencyLimit: Array(concurrencyLimits.keys)
        case .bulkhead: Array(bulkheads.keys)
        case .outlierEjection: Array(outliers.keys)
        case .fault: Array(faults.keys)
        case .route: Array(routes.keys)
        case .mirror: Array(mirrors.keys)
        case .hedge: Array(hedges.keys)
        }
    }
}
