import Governance

/// The policies that only calls of apps have.
extension ResiliencyResource {
    mutating func readTrafficPolicies(_ policies: Fields, _ report: inout Report) {
        var resource = self
        let outlier = ["consecutiveFailures", "ejectionTime", "maxEjectionTime", "maxEjectionPercent"]
        Self.each(.outlierEjection, policies, known: outlier, &report) { name, fields, report in
            var outlier = OutlierPolicy()
            outlier.consecutiveFailures = fields.count("consecutiveFailures", from: 1, &report) ?? outlier.consecutiveFailures
            outlier.ejectionTime = fields.positive("ejectionTime", &report) ?? outlier.ejectionTime
            outlier.maxEjectionTime = fields.positive("maxEjectionTime", &report) ?? max(outlier.maxEjectionTime, outlier.ejectionTime)
            outlier.maxEjectionPercent = fields.percent("maxEjectionPercent", &report) ?? outlier.maxEjectionPercent
            resource.outliers[name] = outlier
        }
        Self.each(.fault, policies, known: ["match", "delay", "abort"], &report) { resource.faults[$0] = Self.fault($1, &$2) }
        Self.each(.route, policies, known: ["rules"], &report) { resource.routes[$0] = Self.route($1, &$2) }
        Self.each(.mirror, policies, known: ["app", "percent"], &report) { name, fields, report in
            guard let app = fields.requiredText("app", &report, hint: "give the app that gets the copies") else { return }
            resource.mirrors[name] = MirrorPolicy(app: app, percent: fields.percent("percent", &report) ?? 100)
        }
        Self.each(.hedge, policies, known: ["delay", "maxAttempts"], &report) { name, fields, report in
            guard fields["delay"] != nil else {
                return report.error(fields.mark, "\(fields.at("delay")) is missing; give after what time a second try goes out")
            }
            guard let delay = fields.positive("delay", &report) else { return }
            resource.hedges[name] = HedgePolicy(delay: delay, maxAttempts: fields.count("maxAttempts", from: 2, &report) ?? 2)
        }
        self = resource
    }

    private static func fault(_ fields: Fields, _ report: inout Report) -> FaultPolicy {
        var fault = FaultPolicy(match: matches(fields, &report))
        if fields["delay"] != nil {
            let delay = fields.fields("delay", known: ["duration", "percent"], &report)
            fault.delay = delay.positive("duration", &report)
            if delay["duration"] == nil { report.error(delay.mark, "\(delay.at("duration")) is missing; give how long the call is kept back") }
            fault.delayPercent = delay.percent("percent", &report) ?? 100
        }
        if fields["abort"] != nil {
            let abort = fields.fields("abort", known: ["httpStatus", "grpcStatus", "percent"], &report)
            func code(_ member: String, _ valid: ClosedRange<Int>) -> Int? {
                guard let code = abort.integer(member, &report) else { return nil }
                if !valid.contains(code) {
                    report.error(
                        abort[member]?.mark ?? abort.mark, "\(abort.at(member)) must be \(valid.lowerBound) to \(valid.upperBound), not \(code)")
                }
                return code
            }
            fault.abortHTTP = code("httpStatus", 200...599)
            fault.abortGRPC = code("grpcStatus", 1...16)
            fault.abortPercent = abort.percent("percent", &report) ?? 100
            if abort["httpStatus"] == nil, abort["grpcStatus"] == nil {
                report.error(abort.mark, "\(abort.path) has neither httpStatus nor grpcStatus")
            }
        }
        if fields["delay"] == nil, fields["abort"] == nil { report.error(fields.mark, "\(fields.path) has neither delay nor abort") }
        return fault
    }

    private static func route(_ fields: Fields, _ report: inout Report) -> RoutePolicy {
        var rules: [RoutePolicy.Rule] = []
        for (index, node) in fields.items("rules", &report).enumerated() {
            let rule = Fields(
                node, path: "\(fields.at("rules"))[\(index)]", in: node.mark, known: ["match", "app", "split"], &report)
            var targets: [RoutePolicy.Target] = []
            if let app = rule.text("app", &report) { targets.append(.init(app)) }
            for (index, node) in rule.items("split", &report).enumerated() {
                let part = Fields(node, path: "\(rule.at("split"))[\(index)]", in: node.mark, known: ["app", "weight"], &report)
                guard let app = part.requiredText("app", &report, hint: "give the app that gets this part") else { continue }
                targets.append(.init(app, weight: part.count("weight", from: 0, &report) ?? 1))
            }
            if (rule["app"] == nil) == (rule["split"] == nil) {
                report.error(rule.mark, "\(rule.path) must have one of app and split")
            } else if !report.hasErrors, targets.allSatisfy({ $0.weight == 0 }) {
                report.error(rule.mark, "\(rule.path) sends nothing anywhere: every weight is 0")
            } else if targets.contains(where: { $0.weight > 1_000_000 }) {
                report.error(rule.mark, "\(rule.path) has a weight over 1000000")
            }
            rules.append(.init(match: matches(rule, &report), targets: targets))
        }
        if rules.isEmpty { report.error(fields.mark, "\(fields.at("rules")) is missing; list where calls go") }
        return RoutePolicy(rules)
    }

    /// `match: {headers: {x-user: alice, x-beta: {present: true}, x-version: {prefix: v2}}}`
    private static func matches(_ fields: Fields, _ report: inout Report) -> [FieldMatch] {
        let headers = fields.fields("match", known: ["headers"], &report).fields("headers", known: nil, &report)
        var matches: [FieldMatch] = []
        for (name, node) in headers.all {
            if let text = node.scalar {
                matches.append(FieldMatch(name.lowercased(), .exact(text)))
                continue
            }
            let test = Fields(node, path: headers.at(name), in: node.mark, known: ["exact", "prefix", "present"], &report)
            if let text = test.text("exact", &report) {
                matches.append(FieldMatch(name.lowercased(), .exact(text)))
            } else if let text = test.text("prefix", &report) {
                matches.append(FieldMatch(name.lowercased(), .prefix(text)))
            } else if test.boolean("present", &report) == true {
                matches.append(FieldMatch(name.lowercased(), .present))
            } else {
                report.error(node.mark, "\(headers.at(name)) must be a text, or have one of exact, prefix and present: true")
            }
        }
        return matches
    }
}

extension Fields {
    func number(_ name: String, _ report: inout Report) -> Double? {
        guard let node = self[name] else { return nil }
        guard let value = node.scalar.flatMap({ Double($0) }), value.isFinite else {
            report.error(node.mark, "\(at(name)) must be a number")
            return nil
        }
        return value
    }

    func percent(_ name: String, _ report: inout Report) -> Double? {
        guard let value = number(name, &report) else { return nil }
        guard (0...100).contains(value) else {
            report.error(self[name]?.mark ?? mark, "\(at(name)) must be 0 to 100, not \(value)")
            return nil
        }
        return value
    }

    func count(_ name: String, from least: Int, _ report: inout Report) -> Int? {
        guard let value = integer(name, &report) else { return nil }
        guard value >= least, value <= 1_000_000_000 else {
            report.error(self[name]?.mark ?? mark, "\(at(name)) must be \(least) or more, not \(value)")
            return nil
        }
        return value
    }

    func requiredCount(_ name: String, _ report: inout Report, hint: String) -> Int? {
        if self[name] == nil { report.error(mark, "\(at(name)) is missing; \(hint)") }
        return count(name, from: 1, &report)
    }

    /// A duration; a bare number is milliseconds, as in Dapr.
    func positive(_ name: String, _ report: inout Report) -> Duration? {
        guard let found = duration(name, bareUnit: .milliseconds(1), &report) else { return nil }
        guard found > .zero else {
            report.error(self[name]?.mark ?? mark, "\(at(name)) must be longer than nothing")
            return nil
        }
        return found
    }
}
