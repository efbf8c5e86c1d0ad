import Invocation
import Resources

extension AccessControl {
    init(_ settings: AccessControlSettings) {
        var policies: [Caller: Policy] = [:]
        for one in settings.policies {
            policies[Caller(appID: one.appID, namespace: one.namespace)] = Policy(
                trustDomain: one.trustDomain, isAllowed: one.defaultAction.map { $0 == .allow },
                operations: one.operations.map { Operation(name: $0.name, verbs: $0.verbs, isAllowed: $0.action == .allow) })
        }
        self.init(isAllowed: settings.defaultAction == .allow, policies: policies)
    }
}
