/// The kinds of policies, by the member of a target that names one.
package enum PolicyKind: String, Sendable, CaseIterable, Hashable {
    // Dapr's.
    case timeout, retry, circuitBreaker
    // Ours, for any call.
    case retryBudget, rateLimit, concurrencyLimit, bulkhead
    // Ours, for calls of apps.
    case outlierEjection, fault, route, mirror, hedge

    /// The member of `spec.policies` that holds those of the kind.
    package var list: String {
        switch self {
        case .timeout: "timeouts"
        case .retry: "retries"
        case .circuitBreaker: "circuitBreakers"
        case .retryBudget: "retryBudgets"
        case .rateLimit: "rateLimits"
        case .concurrencyLimit: "concurrencyLimits"
        case .bulkhead: "bulkheads"
        case .outlierEjection: "outlierEjections"
        case .fault: "faults"
        case .route: "routes"
        case .mirror: "mirrors"
        case .hedge: "hedges"
        }
    }

    /// How the name of a default policy ends; nil for kinds that no target has by default.
    package var defaultSuffix: String? {
        switch self {
        case .fault, .route, .mirror: nil
        default: rawValue.prefix(1).uppercased() + rawValue.dropFirst() + "Policy"
        }
    }

    package static let forInbound: [PolicyKind] = [.timeout, .retry, .circuitBreaker]
    package static let forComponents: [PolicyKind] = [
        .timeout, .retry, .circuitBreaker, .retryBudget, .rateLimit, .concurrencyLimit, .bulkhead,
    ]
    package static let forApps: [PolicyKind] = allCases
}

/// A policy and where it comes from.
package struct Chosen<Value: Sendable & Equatable>: Sendable, Equatable {
    package var value: Value
    /// Its name in `spec.policies`.
    package var name: String
    package var origin: PolicyOrigin

    package init(_ value: Value, name: String, origin: PolicyOrigin) {
        self.value = value
        self.name = name
        self.origin = origin
    }

    /// Two that do the same are the same, wherever they come from.
    package static func == (one: Self, two: Self) -> Bool { one.value == two.value }
}

package struct PolicyOrigin: Sendable, Equatable {
    /// `Resiliency "orders"`.
    package var resource: String
    /// `orders`.
    package var name: String
    /// The file and the line of the resource.
    package var place: String
    /// Why it applies, as the end of a sentence.
    package var reason: String

    package init(resource: String, name: String = "", place: String, reason: String) {
        self.resource = resource
        self.name = name
        self.place = place
        self.reason = reason
    }
}

/// All that applies to the calls of one target. A value.
package struct CallPolicy: Sendable, Equatable {
    package var timeout: Chosen<Duration>?
    package var retry: Chosen<RetryPolicy>?
    package var breaker: Chosen<BreakerPolicy>?
    package var budget: Chosen<RetryBudgetPolicy>?
    package var rateLimit: Chosen<RateLimitPolicy>?
    package var concurrency: Chosen<ConcurrencyPolicy>?
    package var bulkhead: Chosen<BulkheadPolicy>?
    package var outlier: Chosen<OutlierPolicy>?
    package var fault: Chosen<FaultPolicy>?
    package var route: Chosen<RoutePolicy>?
    package var mirror: Chosen<MirrorPolicy>?
    package var hedge: Chosen<HedgePolicy>?

    package init() {}

    package var isEmpty: Bool { self == CallPolicy() }
}
