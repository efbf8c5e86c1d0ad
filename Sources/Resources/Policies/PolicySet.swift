package import Governance

/// What all `Resiliency` documents for this app say together, in load order: a later policy or target of a name is the one that
/// counts. A value.
package struct PolicySet: Sendable {
    private let resources: [ResiliencyResource]

    package init(_ resources: [ResiliencyResource] = []) { self.resources = resources }

    package var isEmpty: Bool { resources.isEmpty }

    /// The documents by their names.
    package var names: [String] { resources.map(\.header.name) }

    /// Apps that are targets.
    package var apps: [String] { Array(Set(resources.flatMap(\.apps.keys))).sorted() }
    /// Components that are.
    package var components: [String] { Array(Set(resources.flatMap { $0.outbound.keys })).sorted() }

    /// For calls of an app. `names`: as it is called, with and without its namespace; the first that is a target counts.
    package func app(_ names: [String]) -> CallPolicy {
        for name in names {
            if let found = targeted({ $0.apps[name] }, "spec.targets.apps.\(name)") { return found }
        }
        return usual(["DefaultApp", "Default"], PolicyKind.forApps, "for every app that is no target")
    }

    /// For calls of a component. `type`: for example `state.redis`.
    package func outbound(_ component: String, type: String) -> CallPolicy {
        if let found = targeted({ $0.outbound[component] }, "spec.targets.components.\(component).outbound") { return found }
        return usual(Self.prefixes(type, "Outbound"), PolicyKind.forComponents, "for every \(Self.word(type)) component that is no target")
    }

    /// For what a component delivers.
    package func inbound(_ component: String, type: String) -> CallPolicy {
        if let found = targeted({ $0.inbound[component] }, "spec.targets.components.\(component).inbound") { return found }
        return usual(type: type)
    }

    /// For what components deliver that are no targets.
    package func usual(type: String) -> CallPolicy {
        usual(Self.prefixes(type, "Inbound"), [.timeout, .retry], "for every \(Self.word(type)) component that is no target")
    }

    // MARK: Names

    /// Source: Dapr's words for kinds of components in the names of default policies.
    package static func word(_ type: String) -> String {
        switch type.prefix(while: { $0 != "." }) {
        case "state": "Statestore"
        case "pubsub": "Pubsub"
        case "bindings": "Binding"
        case "secretstores": "Secretstore"
        case "configuration": "Configuration"
        case "lock": "Lock"
        case "crypto": "Crypto"
        case "conversation": "Conversation"
        case let other: String(other)
        }
    }

    /// Source: Dapr's names of default policies, the nearest first.
    private static func prefixes(_ type: String, _ direction: String) -> [String] {
        ["Default\(word(type))Component\(direction)", "DefaultComponent\(direction)", "DefaultComponent", "Default"]
    }

    private func targeted(_ names: (ResiliencyResource) -> ResiliencyResource.Names?, _ path: String) -> CallPolicy? {
        guard let resource = resources.last(where: { names($0) != nil }), let found = names(resource) else { return nil }
        var policy = CallPolicy()
        for (kind, name) in found {
            policy.take(kind, name, from: resource, reason: "named by \(path).\(kind.rawValue)")
        }
        return policy
    }

    private func usual(_ prefixes: [String], _ kinds: [PolicyKind], _ reason: String) -> CallPolicy {
        var policy = CallPolicy()
        for kind in kinds {
            guard let suffix = kind.defaultSuffix else { continue }
            for name in prefixes.map({ $0 + suffix }) {
                guard let resource = resources.last(where: { $0.names(of: kind).contains(name) }) else { continue }
                policy.take(kind, name, from: resource, reason: "the default \(reason)")
                break
            }
        }
        return policy
    }
}

extension CallPolicy {
    mutating func take(_ kind: PolicyKind, _ name: String, from resource: ResiliencyResource, reason: String) {
        let origin = PolicyOrigin(resource: resource.header.label, name: resource.header.name, place: "\(resource.header.source)", reason: reason)
        func chosen<Value>(_ value: Value?) -> Chosen<Value>? { value.map { Chosen($0, name: name, origin: origin) } }
        switch kind {
        case .timeout: timeout = chosen(resource.timeouts[name])
        case .retry: retry = chosen(resource.retries[name]?.policy)
        case .circuitBreaker: breaker = chosen(resource.breakers[name])
        case .retryBudget: budget = chosen(resource.budgets[name])
        case .rateLimit: rateLimit = chosen(resource.rateLimits[name])
        case .concurrencyLimit: concurrency = chosen(resource.concurrencyLimits[name])
        case .bulkhead: bulkhead = chosen(resource.bulkheads[name])
        case .outlierEjection: outlier = chosen(resource.outliers[name])
        case .fault: fault = chosen(resource.faults[name])
        case .route: route = chosen(resource.routes[name])
        case .mirror: mirror = chosen(resource.mirrors[name])
        case .hedge: hedge = chosen(resource.hedges[name])
        }
    }
}
