import CEL
import Governance

/// The policies of any call.
extension ResiliencyResource {
    mutating func readCallPolicies(_ policies: Fields, _ report: inout Report) {
        var resource = self
        let retry = ["policy", "duration", "maxInterval", "maxRetries", "matching"]
        Self.each(.retry, policies, known: retry, &report) { resource.readRetry($0, $1, &$2) }
        let breaker = ["maxRequests", "interval", "timeout", "trip"]
        Self.each(.circuitBreaker, policies, known: breaker, &report) { resource.breakers[$0] = Self.breaker($1, &$2) }
        Self.each(.retryBudget, policies, known: ["percent", "minRetries", "window"], &report) { name, fields, report in
            var budget = RetryBudgetPolicy()
            if let percent = fields.percent("percent", &report) { budget.share = percent / 100 }
            budget.minRetries = fields.count("minRetries", from: 0, &report) ?? budget.minRetries
            budget.window = fields.positive("window", &report) ?? budget.window
            resource.budgets[name] = budget
        }
        Self.each(.rateLimit, policies, known: ["requests", "interval", "burst", "store", "withoutStore"], &report) { name, fields, report in
            guard let requests = fields.requiredCount("requests", &report, hint: "give how many calls may begin in each interval") else { return }
            let interval = fields.positive("interval", &report) ?? .seconds(1)
            resource.rateLimits[name] = RateLimitPolicy(
                requests: requests, interval: interval, burst: fields.count("burst", from: 1, &report), shared: Self.shared(fields, &report))
        }
        let limit = ["minimum", "maximum", "initial", "tolerance"]
        Self.each(.concurrencyLimit, policies, known: limit, &report) { name, fields, report in
            var limit = ConcurrencyPolicy()
            limit.minimum = fields.count("minimum", from: 1, &report) ?? limit.minimum
            limit.maximum = fields.count("maximum", from: 1, &report) ?? max(limit.maximum, limit.minimum)
            limit.initial = fields.count("initial", from: 1, &report) ?? min(max(limit.initial, limit.minimum), limit.maximum)
            if let tolerance = fields.number("tolerance", &report) {
                if tolerance < 1 { report.error(fields.mark, "\(fields.at("tolerance")) must be 1 or more") }
                limit.tolerance = tolerance
            }
            if limit.minimum > limit.maximum {
                report.error(fields.mark, "\(fields.at("minimum")) is \(limit.minimum), more than the maximum \(limit.maximum)")
            }
            resource.concurrencyLimits[name] = limit
        }
        Self.each(.bulkhead, policies, known: ["maxConcurrent", "maxQueued", "maxWait"], &report) { name, fields, report in
            guard let most = fields.requiredCount("maxConcurrent", &report, hint: "give how many calls may be under way at a time") else { return }
            resource.bulkheads[name] = BulkheadPolicy(
                maxConcurrent: most, maxQueued: fields.count("maxQueued", from: 0, &report) ?? 0,
                maxWait: fields.positive("maxWait", &report))
        }
        self = resource
    }

    /// Where the count of a limit is that runtimes share.
    private static func shared(_ fields: Fields, _ report: inout Report) -> SharedRateLimit? {
        var fallback: SharedRateLimit.Fallback?
        if let word = fields.text("withoutStore", &report) {
            fallback = SharedRateLimit.Fallback(rawValue: word)
            if fallback == nil {
                report.error(
                    fields["withoutStore"]?.mark ?? fields.mark,
                    "\(fields.at("withoutStore")) is \"\(word.prefix(80))\"; it may be local, allow or refuse")
            }
        }
        guard let store = fields.text("store", &report) else {
            if fields["withoutStore"] != nil, fields["store"] == nil {
                report.error(fields.mark, "\(fields.at("withoutStore")) has no meaning without \(fields.at("store")), the state component that has the count")
            }
            return nil
        }
        guard !store.isEmpty else {
            report.error(fields["store"]?.mark ?? fields.mark, "\(fields.at("store")) is empty; name a state component")
            return nil
        }
        return SharedRateLimit(store: store, withoutStore: fallback ?? .local)
    }

    private mutating func readRetry(_ name: String, _ fields: Fields, _ report: inout Report) {
        var retry = Retry()
        if let word = fields.text("policy", &report) {
            if let growth = Retry.Growth(rawValue: word) {
                retry.growth = growth
            } else {
                report.error(
                    fields["policy"]?.mark ?? fields.mark, "\(fields.at("policy")) is \"\(word.prefix(80))\"; it may be constant or exponential")
            }
        }
        func pause(_ member: String, _ usual: Duration) -> Duration {
            guard let found = fields.duration(member, bareUnit: .milliseconds(1), &report) else { return usual }
            if found < .zero { report.error(fields[member]?.mark ?? fields.mark, "\(fields.at(member)) must not be negative") }
            return found
        }
        retry.duration = pause("duration", retry.duration)
        retry.maxInterval = pause("maxInterval", retry.maxInterval)
        if let count = fields.integer("maxRetries", &report) {
            if count < -1 {
                report.error(
                    fields["maxRetries"]?.mark ?? fields.mark, "\(fields.at("maxRetries")) must be 0 or more, or -1 for no limit, not \(count)")
            }
            retry.maxRetries = count < 0 ? nil : count
        }
        let matching = fields.fields("matching", known: ["httpStatusCodes", "gRPCStatusCodes"], &report)
        func codes(_ member: String, _ valid: ClosedRange<Int>) -> [ClosedRange<Int>]? {
            guard let text = matching.text(member, &report) else { return nil }
            do throws(StatusMatching.Invalid) {
                return try StatusMatching.ranges(text, valid: valid)
            } catch {
                report.error(matching[member]?.mark ?? matching.mark, "\(matching.at(member)): \(error.cause)")
                return nil
            }
        }
        retry.matching = StatusMatching(
            http: codes("httpStatusCodes", StatusMatching.httpCodes), grpc: codes("gRPCStatusCodes", StatusMatching.grpcCodes))
        // Overriding what is built in is Dapr's; here it is connections that are tried, at once, and not by a policy.
        if name.hasPrefix("DaprBuiltIn") { unapplied.append(fields.path) }
        retries[name] = retry
    }

    private static func breaker(_ fields: Fields, _ report: inout Report) -> BreakerPolicy {
        var breaker = BreakerPolicy()
        breaker.maxRequests = fields.count("maxRequests", from: 1, &report) ?? breaker.maxRequests
        if let interval = fields.duration("interval", bareUnit: .milliseconds(1), &report) {
            if interval < .zero { report.error(fields["interval"]?.mark ?? fields.mark, "\(fields.at("interval")) must not be negative") }
            breaker.interval = interval
        }
        breaker.timeout = fields.positive("timeout", &report) ?? breaker.timeout
        if let text = fields.text("trip", &report) {
            do throws(CELError) {
                breaker.trip = try BreakerPolicy.Trip(text)
            } catch {
                report.error(
                    fields["trip"]?.mark ?? fields.mark,
                    "\(fields.at("trip")) is no condition over requests, totalSuccesses, totalFailures, consecutiveSuccesses and "
                        + "consecutiveFailures: \(error)")
            }
        }
        return breaker
    }
}
