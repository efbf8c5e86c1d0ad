import AdminAPI
import Governance
import Resources
import Telemetry

/// Policies in the forms that commands and metrics show.
enum PolicyViews {
    static func summary(_ governor: Governor, now: Int64) -> PolicySummary {
        let one = governor.snapshot(now: now)
        return PolicySummary(
            target: governor.target, policies: PolicyKind.allCases.filter { governor.policy.has($0) }.map(\.rawValue),
            breaker: one.breaker?.rawValue, breakerOpenings: one.openings, consecutiveFailures: one.counts?.consecutiveFailures,
            inFlight: one.inFlight, queued: one.queued, concurrencyLimit: one.concurrencyLimit, calls: one.totals.calls,
            attempts: one.totals.attempts, failures: one.totals.failures, retries: one.totals.retries, timeouts: one.totals.timeouts,
            refused: one.totals.refused, faults: one.totals.faults, ejections: one.totals.ejections, hedges: one.totals.hedges,
            mirrored: one.totals.mirrored,
            rateLimitStore: governor.policy.rateLimit?.value.shared?.store, isStoreAway: one.isAlone, reservations: one.reservations,
            reservationFailures: one.reservationFailures)
    }

    static func write(_ all: [Governor], now: Int64, _ page: inout MetricSet) {
        let all = all.map { summary($0, now: now) }
        guard !all.isEmpty else { return }
        func each(_ name: String, _ kind: MetricSet.Kind, _ help: String, _ value: (PolicySummary) -> Int?) {
            let found = all.compactMap { one in value(one).map { (one.target, $0) } }
            guard !found.isEmpty else { return }
            page.metric(name, kind, help: help)
            for (target, value) in found { page.sample(name, [("target", target)], Double(value)) }
        }
        each("octavo_policy_calls_total", .counter, "Calls of a target that has policies.") { $0.calls }
        each("octavo_policy_attempts_total", .counter, "Tries of these calls.") { $0.attempts }
        each("octavo_policy_failures_total", .counter, "Tries that failed.") { $0.failures }
        each("octavo_policy_retries_total", .counter, "Tries after the first one.") { $0.retries }
        each("octavo_policy_timeouts_total", .counter, "Tries that took too long.") { $0.timeouts }
        each("octavo_policy_refused_total", .counter, "Calls and tries that a policy did not let through.") { $0.refused }
        each("octavo_policy_ejections_total", .counter, "Times that an instance was left out.") { $0.ejections }
        each("octavo_policy_breaker_openings_total", .counter, "Times that the circuit breaker has opened.") { $0.breakerOpenings }
        each("octavo_policy_breaker_state", .gauge, "The circuit breaker: 0 closed, 1 open, 2 half-open.") {
            $0.breaker.map { $0 == "open" ? 1 : $0 == "closed" ? 0 : 2 }
        }
        each("octavo_policy_in_flight", .gauge, "Calls under way, where a policy counts them.") { $0.inFlight }
        each("octavo_policy_queued", .gauge, "Calls that wait for a place.") { $0.queued }
        each("octavo_policy_reservations_total", .counter, "Answers of the store of a shared rate limit.") { $0.reservations }
        each("octavo_policy_reservation_failures_total", .counter, "Times that the store of a shared rate limit did not answer.") {
            $0.reservationFailures
        }
        each("octavo_policy_store_away", .gauge, "1 while a rate limit can't be shared for its store does not answer.") {
            $0.isStoreAway.map { $0 ? 1 : 0 }
        }
        each("octavo_policy_concurrency_limit", .gauge, "Where an adaptive limit is.") { $0.concurrencyLimit }
    }

    // MARK: Explanations

    /// In the order in which a call meets them.
    static func steps(_ policy: CallPolicy) -> [PolicyExplanation.Step] {
        var steps: [PolicyExplanation.Step] = []
        func add<Value>(_ kind: PolicyKind, _ chosen: Chosen<Value>?, _ values: (Value) -> [(String, String)]) {
            guard let chosen else { return }
            steps.append(
                PolicyExplanation.Step(
                    kind: kind.rawValue, name: chosen.name, values: values(chosen.value).map { .init($0.0, $0.1) },
                    reason: chosen.origin.reason, resource: chosen.origin.resource, place: chosen.origin.place))
        }
        add(.route, policy.route) { route in
            route.rules.enumerated().map { index, rule in
                let to = rule.targets.map { rule.targets.count == 1 ? $0.app : "\($0.app) \($0.weight)" }.joined(separator: ", ")
                return ("rule \(index + 1)", (rule.match.isEmpty ? "every call" : text(rule.match)) + " to " + to)
            }
        }
        add(.mirror, policy.mirror) { [("app", $0.app), ("percent", "\($0.percent)")] }
        add(.fault, policy.fault) { fault in
            var values: [(String, String)] = fault.match.isEmpty ? [] : [("match", text(fault.match))]
            if let delay = fault.delay { values.append(("delay", "\(text(delay)) for \(fault.delayPercent) %")) }
            if let code = fault.abortHTTP { values.append(("abort", "HTTP \(code) for \(fault.abortPercent) %")) }
            if let code = fault.abortGRPC { values.append(("abort", "gRPC \(code) for \(fault.abortPercent) %")) }
            return values
        }
        add(.rateLimit, policy.rateLimit) { limit in
            let requests = ("requests", "\(limit.requests) in \(text(limit.interval))")
            guard let shared = limit.shared else { return [requests, ("burst", "\(limit.burst)")] }
            let without =
                switch shared.withoutStore {
                case .local: "local, each runtime has the limit for itself"
                case .allow: "allow, calls are let through"
                case .refuse: "refuse, calls are refused"
                }
            return [
                requests, ("burst", "\(SharedCount(limit).burst)"), ("store", "\(shared.store), the sum over all runtimes counts"),
                ("withoutStore", without),
            ]
        }
        add(.hedge, policy.hedge) { [("delay", text($0.delay)), ("maxAttempts", "\($0.maxAttempts)")] }
        add(.retry, policy.retry) { retry in
            var values = [
                ("policy", retry.factor > 1 ? "exponential" : "constant"),
                retry.factor > 1 ? ("maxInterval", text(retry.longest)) : ("duration", text(retry.first)),
                ("maxRetries", retry.retries.map { "\($0)" } ?? "-1, no limit"),
            ]
            if let codes = retry.matching.http { values.append(("httpStatusCodes", text(codes))) }
            if let codes = retry.matching.grpc { values.append(("gRPCStatusCodes", text(codes))) }
            return values
        }
        add(.retryBudget, policy.budget) {
            [("percent", "\($0.share * 100)"), ("minRetries", "\($0.minRetries)"), ("window", text($0.window))]
        }
        add(.bulkhead, policy.bulkhead) { bulkhead in
            var values = [("maxConcurrent", "\(bulkhead.maxConcurrent)"), ("maxQueued", "\(bulkhead.maxQueued)")]
            if let most = bulkhead.maxWait { values.append(("maxWait", text(most))) }
            return values
        }
        add(.concurrencyLimit, policy.concurrency) {
            [("minimum", "\($0.minimum)"), ("maximum", "\($0.maximum)"), ("initial", "\($0.initial)"), ("tolerance", "\($0.tolerance)")]
        }
        add(.circuitBreaker, policy.breaker) {
            [
                ("trip", $0.trip.text), ("timeout", text($0.timeout)), ("maxRequests", "\($0.maxRequests)"),
                ("interval", $0.interval == .zero ? "0s, counts for ever" : text($0.interval)),
            ]
        }
        add(.timeout, policy.timeout) { [("each try", text($0))] }
        add(.outlierEjection, policy.outlier) {
            [
                ("consecutiveFailures", "\($0.consecutiveFailures)"), ("ejectionTime", text($0.ejectionTime)),
                ("maxEjectionTime", text($0.maxEjectionTime)), ("maxEjectionPercent", "\($0.maxEjectionPercent)"),
            ]
        }
        return steps
    }

    static let builtIn = PolicyExplanation.Step(
        kind: "connection", name: nil, values: [.init("instances", "3 for each try")],
        reason: "built in: what no instance has seen goes to another one, at once")

    private static func text(_ duration: Duration) -> String {
        let milliseconds = duration / .milliseconds(1)
        return milliseconds < 1000 || milliseconds.truncatingRemainder(dividingBy: 1000) != 0
            ? "\(plain(milliseconds))ms" : "\(plain(milliseconds / 1000))s"
    }

    private static func plain(_ number: Double) -> String { number == number.rounded() ? "\(Int64(number))" : "\(number)" }

    private static func text(_ codes: [ClosedRange<Int>]) -> String {
        codes.map { $0.lowerBound == $0.upperBound ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }.joined(separator: ",")
    }

    private static func text(_ match: [FieldMatch]) -> String {
        match.map { one in
            switch one.test {
            case .present: "\(one.name) is there"
            case .exact(let text): "\(one.name) is \(text)"
            case .prefix(let text): "\(one.name) begins with \(text)"
            }
        }.joined(separator: " and ")
    }
}

extension CallPolicy {
    func has(_ kind: PolicyKind) -> Bool {
        switch kind {
        case .timeout: timeout != nil
        case .retry: retry != nil
        case .circuitBreaker: breaker != nil
        case .retryBudget: budget != nil
        case .rateLimit: rateLimit != nil
        case .concurrencyLimit: concurrency != nil
        case .bulkhead: bulkhead != nil
        case .outlierEjection: outlier != nil
        case .fault: fault != nil
        case .route: route != nil
        case .mirror: mirror != nil
        case .hedge: hedge != nil
        }
    }
}
