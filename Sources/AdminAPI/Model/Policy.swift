/// The policies of one target at work: an item of `GET /v1/policies`.
package struct PolicySummary: Sendable, Equatable, Codable {
    /// `app/shop`, `component/statestore/outbound`.
    package var target: String
    /// The kinds of policies that it has, by the members that name them.
    package var policies: [String]
    /// `closed`, `open` or `half-open`; absent without one.
    package var breaker: String?
    package var breakerOpenings: Int?
    /// Of the breaker, since its counts began.
    package var consecutiveFailures: Int?
    /// Calls that are under way or wait, where a policy counts them.
    package var inFlight: Int?
    package var queued: Int?
    /// What an adaptive limit is at.
    package var concurrencyLimit: Int?
    package var calls: Int
    package var attempts: Int
    package var failures: Int
    package var retries: Int
    package var timeouts: Int
    /// Tries and calls that a policy did not let through.
    package var refused: Int
    package var faults: Int
    package var ejections: Int
    package var hedges: Int
    package var mirrored: Int
    /// Where the count of a shared rate limit is; absent without one.
    package var rateLimitStore: String?
    /// The store does not answer.
    package var isStoreAway: Bool?
    /// Questions that the store answered, and did not.
    package var reservations: Int?
    package var reservationFailures: Int?

    package init(
        target: String, policies: [String], breaker: String? = nil, breakerOpenings: Int? = nil, consecutiveFailures: Int? = nil,
        inFlight: Int? = nil, queued: Int? = nil, concurrencyLimit: Int? = nil, calls: Int = 0, attempts: Int = 0, failures: Int = 0,
        retries: Int = 0, timeouts: Int = 0, refused: Int = 0, faults: Int = 0, ejections: Int = 0, hedges: Int = 0, mirrored: Int = 0,
        rateLimitStore: String? = nil, isStoreAway: Bool? = nil, reservations: Int? = nil, reservationFailures: Int? = nil
    ) {
        self.rateLimitStore = rateLimitStore
        self.isStoreAway = isStoreAway
        self.reservations = reservations
        self.reservationFailures = reservationFailures
        self.target = target
        self.policies = policies
        self.breaker = breaker
        self.breakerOpenings = breakerOpenings
        self.consecutiveFailures = consecutiveFailures
        self.inFlight = inFlight
        self.queued = queued
        self.concurrencyLimit = concurrencyLimit
        self.calls = calls
        self.attempts = attempts
        self.failures = failures
        self.retries = retries
        self.timeouts = timeouts
        self.refused = refused
        self.faults = faults
        self.ejections = ejections
        self.hedges = hedges
        self.mirrored = mirrored
    }
}

/// `GET /v1/policies`.
package struct PolicyList: Sendable, Equatable, Codable {
    package var policies: [PolicySummary]
    package init(policies: [PolicySummary]) { self.policies = policies }
}

/// What happens to a call of a target: `GET /v1/policies/KIND/NAME`.
package struct PolicyExplanation: Sendable, Equatable, Codable {
    /// One policy of the chain.
    package struct Step: Sendable, Equatable, Codable {
        /// The member that names it, for example `retry`.
        package var kind: String
        /// Its name; absent for what is built in.
        package var name: String?
        package var values: [Value]
        /// Why it applies.
        package var reason: String
        package var resource: String?
        /// The file and the line of the resource.
        package var place: String?

        package init(kind: String, name: String?, values: [Value], reason: String, resource: String? = nil, place: String? = nil) {
            self.kind = kind
            self.name = name
            self.values = values
            self.reason = reason
            self.resource = resource
            self.place = place
        }
    }

    package struct Value: Sendable, Equatable, Codable {
        package var name: String
        package var value: String

        package init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    package var target: String
    /// In the order in which a call meets them.
    package var steps: [Step]
    /// What else is to be known.
    package var notes: [String]

    package init(target: String, steps: [Step], notes: [String] = []) {
        self.target = target
        self.steps = steps
        self.notes = notes
    }
}
