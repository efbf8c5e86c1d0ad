import BuildingBlocks
import Resources

extension InboundPolicies {
    /// Of all `Resiliency` documents for this app, in load order: a later policy or target of a name is the one that counts.
    init(_ resources: [ResiliencyResource]) {
        self.init()
        var retries: [String: ResiliencyResource.Retry] = [:]
        var timeouts: [String: Duration] = [:]
        for resource in resources {
            retries.merge(resource.retries) { $1 }
            timeouts.merge(resource.timeouts) { $1 }
            for (name, inbound) in resource.components {
                targets[name] = Policy(
                    retry: inbound.retry.flatMap { resource.retries[$0] }.map { RetryPolicy($0) },
                    timeout: inbound.timeout.flatMap { resource.timeouts[$0] })
            }
        }
        // Source: Dapr's names of default policies, the nearest first.
        func usual(_ kind: String) -> Policy {
            let prefixes = ["Default\(kind)ComponentInbound", "DefaultComponentInbound", "DefaultComponent", "Default"]
            return Policy(
                retry: prefixes.lazy.compactMap { retries[$0 + "RetryPolicy"] }.first.map { RetryPolicy($0) },
                timeout: prefixes.lazy.compactMap { timeouts[$0 + "TimeoutPolicy"] }.first)
        }
        pubsub = usual("Pubsub")
        bindings = usual("Binding")
    }
}

extension RetryPolicy {
    init(_ retry: ResiliencyResource.Retry) {
        switch retry.growth {
        case .constant: self.init(first: retry.duration, longest: retry.duration, retries: retry.maxRetries)
        case .exponential:
            self.init(
                first: min(.milliseconds(500), retry.maxInterval), factor: 1.5, longest: retry.maxInterval, spread: 0.5,
                retries: retry.maxRetries)
        }
    }
}
