import Resources
import Testing

@Suite("What a Configuration says of calls between runtimes")
struct SecuritySettingsTests {
    private func load(_ spec: String) throws -> ConfigurationLoader.Outcome {
        let folder = try TemporaryFolder()
        let text = "apiVersion: dapr.io/v1alpha1\nkind: Configuration\nmetadata: {name: a}\nspec:\n\(spec)\n"
        return ConfigurationLoader.load(paths: [folder.write("c.yaml", text)], environment: [:])
    }

    @Test("access control is read whole, with Dapr's defaults")
    func accessControl() throws {
        let outcome = try load(
            """
              accessControl:
                defaultAction: Allow
                trustDomain: shop.example
                policies:
                - appId: cart
                  operations:
                  - {name: /a/*, httpVerb: [get, "*"], action: allow}
                  - {name: b}
                - {appId: cart, namespace: other, trustDomain: t, defaultAction: deny}
            """)
        #expect(outcome.diagnostics == [])
        let it = try #require(outcome.configuration?.accessControl)
        #expect(it.defaultAction == .allow && it.trustDomain == "shop.example" && it.policies.count == 2)
        #expect(it.policies[0].namespace == "default" && it.policies[0].trustDomain == "public" && it.policies[0].defaultAction == nil)
        #expect(it.policies[0].operations.map(\.verbs) == [["GET", "*"], []] && it.policies[0].operations.map(\.action) == [.allow, .deny])
        #expect(it.policies[1].namespace == "other" && it.policies[1].trustDomain == "t" && it.policies[1].defaultAction == .deny)
    }

    @Test(
        "what is left out is denied once anything is said",
        arguments: [
            ("{}", nil), ("{policies: []}", nil), ("{trustDomain: a}", .deny), ("{policies: [{appId: a}]}", .deny), ("{defaultAction: allow}", .allow),
            ("{defaultAction: deny}", .deny),
        ] as [(String, AccessControlSettings.Action?)])
    func defaults(written: String, action: AccessControlSettings.Action?) throws {
        let outcome = try load("  accessControl: \(written)")
        #expect(outcome.diagnostics == [] && outcome.configuration?.accessControl?.defaultAction == action)
    }

    @Test(
        "a rule that is not understood is an error, never left out",
        arguments: [
            ("{defaultAction: perhaps}", "must be allow or deny, not \"perhaps\""), ("{policies: [{namespace: a}]}", "appId"),
            ("{policies: [{appId: a}, {appId: a}]}", "is a second one for the app a in the namespace default"),
            ("{policies: [{appId: a, operations: [{action: allow}]}]}", "name"),
            ("{policies: [{appId: a, operations: [{name: /a*, action: allow}]}]}", "only as whole segments"),
            ("{policies: [{appId: a, operations: [{name: '/**/a', action: allow}]}]}", "only at its end"),
            ("{policies: [{appId: a, operations: [{name: /a, action: nay}]}]}", "must be allow or deny"),
        ])
    func refused(written: String, words: String) throws {
        let errors = try load("  accessControl: \(written)").diagnostics.filter { $0.severity == .error }
        #expect(errors.count == 1 && errors[0].message.contains(words), "\(errors)")
    }

    @Test("files of certificates, beside what Dapr has there")
    func mutualTLS() throws {
        let outcome = try load("  mtls: {enabled: true, workloadCertTTL: 24h, allowedClockSkew: 15m, certFile: /c, keyFile: /k, caFile: /a}")
        #expect(outcome.diagnostics == [])
        let it = try #require(outcome.configuration?.mutualTLS)
        #expect(it.isEnabled == true && it.certificate == "/c" && it.key == "/k" && it.authorities == "/a")
    }
}
