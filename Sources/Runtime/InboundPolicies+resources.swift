import BuildingBlocks
import Governance
import Resources

extension InboundPolicies {
    /// Of all `Resiliency` documents for this app.
    init(_ set: PolicySet) {
        self.init()
        for name in set.components { targets[name] = Policy(set.inbound(name, type: "")) }
        pubsub = Policy(set.usual(type: "pubsub"))
        bindings = Policy(set.usual(type: "bindings"))
    }
}

extension InboundPolicies.Policy {
    init(_ policy: CallPolicy) { self.init(retry: policy.retry?.value, timeout: policy.timeout?.value) }
}
