import Testing

@testable import DaprAPI

@Suite("Access")
struct AccessTests {
    private func rules(allowed: [APIRules.Rule] = [], denied: [APIRules.Rule] = []) -> APIRules {
        var rules = APIRules()
        rules.allowed = Set(allowed)
        rules.denied = Set(denied)
        return rules
    }

    @Test("to every group is free without rules")
    func free() { #expect(APIRules().permits("state", "v1", wire: "http")) }

    @Test("is limited to what is allowed, in any form of the version", arguments: ["v1", "v1.0"])
    func allowed(_ version: String) {
        let rules = rules(allowed: [.init(group: "state", version: version, wire: "http")])
        #expect(rules.permits("state", "v1", wire: "http"))
        #expect(!rules.permits("state", "v1alpha1", wire: "http"))
        #expect(!rules.permits("secrets", "v1", wire: "http"))
        #expect(rules.permits("secrets", "v1", wire: "grpc"), "rules of one wire do not touch the other")
    }

    @Test("is denied before it is allowed", arguments: ["v1alpha1", "v1.0-alpha1"])
    func denied(_ version: String) {
        let rule = APIRules.Rule(group: "state", version: version, wire: "grpc")
        let rules = rules(allowed: [rule], denied: [rule])
        #expect(!rules.permits("state", "v1alpha1", wire: "grpc"))
    }

    @Test(
        "to a secret: denied, then allowed, then the default",
        arguments: [
            (true, [], [], true), (false, [], [], false), (true, [], ["a"], false), (false, ["a"], [], true),
            (true, ["b"], [], false), (false, ["a"], ["a"], false),
        ] as [(Bool, [String], [String], Bool)])
    func secrets(_ byDefault: Bool, _ allowed: [String], _ denied: [String], _ expected: Bool) {
        let scope = SecretAccess(store: "s", allowsByDefault: byDefault, allowed: allowed, denied: denied)
        #expect(scope.permits("a") == expected)
    }

    @Test(
        "by token needs the very token",
        arguments: [("secret", true), ("", false), ("secre", false), ("secret1", false), ("Secret", false), ("sekret", false)])
    func token(_ shown: String, _ expected: Bool) {
        #expect(Array(shown.utf8).withUnsafeBytes { constantTimeEqual($0, Array("secret".utf8)) } == expected)
    }
}
