import Certificates

/// Which calls of other apps the app takes. A value.
///
/// Source: Dapr's access control; where one of its rules leaves something open, the stricter reading.
package struct AccessControl: Sendable {
    package struct Operation: Sendable {
        enum Segment: Equatable {
            case text(String), any, rest
        }

        /// As it is written.
        let name: String
        let segments: [Segment]
        /// In capitals; `*` is any.
        let verbs: [String]
        let isAllowed: Bool

        /// `name`: a path, in which `*` is any one segment and `**` at the end any number of them.
        package init(name: String, verbs: [String], isAllowed: Bool) {
            self.name = name
            segments = name.split(separator: "/").map { $0 == "*" ? .any : $0 == "**" ? .rest : .text(String($0)) }
            self.verbs = verbs
            self.isAllowed = isAllowed
        }
    }

    package struct Policy: Sendable {
        let trustDomain: String
        /// nil: the action for all callers.
        let isAllowed: Bool?
        let operations: [Operation]

        package init(trustDomain: String, isAllowed: Bool?, operations: [Operation]) {
            self.trustDomain = trustDomain
            self.isAllowed = isAllowed
            self.operations = operations
        }
    }

    /// Whom a policy is for.
    package struct Caller: Hashable, Sendable {
        let appID: String
        let namespace: String

        package init(appID: String, namespace: String) {
            self.appID = appID
            self.namespace = namespace
        }
    }

    /// Of callers without a policy.
    let isAllowed: Bool
    let policies: [Caller: Policy]

    package init(isAllowed: Bool, policies: [Caller: Policy]) {
        self.isAllowed = isAllowed
        self.policies = policies
    }

    /// What is called.
    struct Call {
        /// Each way in which the app may read the path.
        let readings: [[String]]
        /// nil: of a gRPC app, whose operations have none.
        let verb: String?
    }

    /// What was decided on a call, and by what.
    struct Decision: Equatable {
        var isAllowed: Bool
        /// By a policy for the caller; false: by the action for all others.
        var isOfPolicy: Bool
        /// The name of the operation that said so; empty for the policy's own action and that for all.
        var operation: String
    }

    /// Whether `caller` may do that; nil: nobody knows who calls. Of several ways to read the path each must be allowed.
    func decide(_ call: Call, by caller: RuntimeIdentity?) -> Decision {
        guard let caller, let policy = policies[Caller(appID: caller.appID, namespace: caller.namespace)],
            policy.trustDomain == caller.trustDomain
        else { return Decision(isAllowed: isAllowed, isOfPolicy: false, operation: "") }
        let standard = policy.isAllowed ?? isAllowed
        var decision = Decision(isAllowed: standard, isOfPolicy: policy.isAllowed != nil, operation: "")
        for reading in call.readings {
            guard let verdict = policy.allows(reading, call.verb) else {
                decision = Decision(isAllowed: standard, isOfPolicy: policy.isAllowed != nil, operation: "")
                if standard { continue } else { break }
            }
            decision = Decision(isAllowed: verdict.isAllowed, isOfPolicy: true, operation: verdict.operation)
            if !verdict.isAllowed { break }
        }
        return decision
    }
}

extension AccessControl.Policy {
    /// nil: no operation says so.
    fileprivate func allows(_ path: [String], _ verb: String?) -> (isAllowed: Bool, operation: String)? {
        // HTTP frameworks often take capitals for small letters. Source: Dapr.
        let path = verb == nil ? path : path.map { $0.lowercased() }
        let matching = operations.filter { $0.matches(path, isExact: verb == nil) }
        guard let best = matching.max(by: { $1.isCloser(than: $0) }) else { return nil }
        // Two operations may have one path, for different verbs.
        let closest = matching.filter { !best.isCloser(than: $0) }
        let said = closest.compactMap { $0.verdict(verb) }
        return said.isEmpty ? nil : (said.allSatisfy { $0 }, best.name)
    }
}

extension AccessControl.Operation {
    func matches(_ path: [String], isExact: Bool) -> Bool {
        var rest = path[...]
        for segment in segments {
            if segment == .rest { return true }
            guard let next = rest.popFirst() else { return false }
            if case .text(let text) = segment, (isExact ? text : text.lowercased()) != next { return false }
        }
        return rest.isEmpty
    }

    /// Of two that match one path: whether this says more of it.
    func isCloser(than other: Self) -> Bool {
        func weight(_ segments: [Segment], _ index: Int) -> Int {
            guard index < segments.count else { return 3 }
            switch segments[index] {
            case .text: return 2
            case .any: return 1
            case .rest: return 0
            }
        }
        for index in 0..<max(segments.count, other.segments.count) {
            let (one, two) = (weight(segments, index), weight(other.segments, index))
            if one != two { return one > two }
        }
        return false
    }

    /// nil: it says nothing of that verb.
    func verdict(_ verb: String?) -> Bool? {
        guard let verb else { return isAllowed }
        // Source: Dapr allows nothing by an operation without verbs; one that denies is meant for all of them.
        if verbs.isEmpty { return isAllowed ? nil : false }
        return verbs.contains(verb.uppercased()) || verbs.contains("*") ? isAllowed : nil
    }
}
