/// What a rule looks for in the fields of a request.
package struct FieldMatch: Sendable, Equatable {
    /// In lower case.
    package var name: String
    package var test: Test

    package enum Test: Sendable, Equatable {
        case present
        case exact(String)
        case prefix(String)
    }

    package init(_ name: String, _ test: Test) {
        self.name = name
        self.test = test
    }

    func matches(_ value: String?) -> Bool {
        guard let value else { return false }
        switch test {
        case .present: return true
        case .exact(let text): return value == text
        case .prefix(let text): return value.hasPrefix(text)
        }
    }
}

/// Mistakes that are made on purpose, to see how callers take them. All percentages are 0 to 100.
package struct FaultPolicy: Sendable, Equatable {
    /// Only requests that have all of these fields.
    package var match: [FieldMatch]
    package var delay: Duration?
    package var delayPercent: Double
    /// The HTTP status of the answer, or the gRPC code.
    package var abortHTTP: Int?
    package var abortGRPC: Int?
    package var abortPercent: Double

    package init(
        match: [FieldMatch] = [], delay: Duration? = nil, delayPercent: Double = 100, abortHTTP: Int? = nil, abortGRPC: Int? = nil,
        abortPercent: Double = 100
    ) {
        self.match = match
        self.delay = delay
        self.delayPercent = delayPercent
        self.abortHTTP = abortHTTP
        self.abortGRPC = abortGRPC
        self.abortPercent = abortPercent
    }

    package struct Fault: Sendable, Equatable {
        package var delay: Duration?
        package var aborts = false

        package init(delay: Duration? = nil, aborts: Bool = false) {
            self.delay = delay
            self.aborts = aborts
        }
    }

    /// What happens to a request. `chance`: gives 0 to less than 100.
    package func fault(_ field: (String) -> String?, chance: () -> Double) -> Fault? {
        guard match.allSatisfy({ $0.matches(field($0.name)) }) else { return nil }
        var fault = Fault()
        if delay != nil, chance() < delayPercent { fault.delay = delay }
        if abortHTTP != nil || abortGRPC != nil, chance() < abortPercent { fault.aborts = true }
        return fault == Fault() ? nil : fault
    }
}

/// Which app a call for an app goes to.
package struct RoutePolicy: Sendable, Equatable {
    package struct Rule: Sendable, Equatable {
        /// All of them; empty: every request.
        package var match: [FieldMatch]
        package var targets: [Target]

        package init(match: [FieldMatch] = [], targets: [Target]) {
            self.match = match
            self.targets = targets
        }
    }

    package struct Target: Sendable, Equatable {
        package var app: String
        package var weight: Int

        package init(_ app: String, weight: Int = 1) {
            self.app = app
            self.weight = weight
        }
    }

    package var rules: [Rule]

    package init(_ rules: [Rule]) { self.rules = rules }

    /// The first rule that fits decides; nil: none does, and the call goes where it was meant to. `chance`: 0 to less than 1.
    package func target(_ field: (String) -> String?, chance: () -> Double) -> String? {
        guard let rule = rules.first(where: { $0.match.allSatisfy { $0.matches(field($0.name)) } }) else { return nil }
        let total = rule.targets.reduce(0) { $0 + $1.weight }
        guard total > 0 else { return nil }
        var at = rule.targets.count == 1 ? 0 : Int(chance() * Double(total))
        for target in rule.targets {
            if at < target.weight { return target.app }
            at -= target.weight
        }
        return rule.targets.last?.app
    }
}

/// Copies of requests that go to another app, whose answers nobody reads.
package struct MirrorPolicy: Sendable, Equatable {
    package var app: String
    package var percent: Double

    package init(app: String, percent: Double = 100) {
        self.app = app
        self.percent = percent
    }
}

/// A second try of an idempotent call beside the first, when that one takes long; the first answer counts.
package struct HedgePolicy: Sendable, Equatable {
    package var delay: Duration
    /// The first one among them.
    package var maxAttempts: Int

    package init(delay: Duration, maxAttempts: Int = 2) {
        self.delay = delay
        self.maxAttempts = maxAttempts
    }
}
