import Testing

@testable import Resources

@Suite("A Resiliency document")
struct ResiliencyTests {
    private func read(_ spec: String) -> (ResiliencyResource?, [String]) {
        let folder = TemporaryFolder()
        folder.write("r.yaml", "apiVersion: dapr.io/v1alpha1\nkind: Resiliency\nmetadata: {name: r}\nspec:\n" + spec)
        let set = ResourceLoader.load(paths: [folder.path], appID: "shop", namespace: nil)
        return (set.resiliencies.first, set.diagnostics.filter { $0.severity != .note }.map { "\($0)" })
    }

    @Test("has policies and the inbound targets of components, and says what it has besides")
    func whole() throws {
        let (found, diagnostics) = read("""
              policies:
                timeouts: {slow: 5s, bare: 250}
                retries:
                  usual: {}
                  three: {policy: constant, duration: 100ms, maxRetries: 3}
                  growing: {policy: exponential, maxInterval: 15s, maxRetries: -1, matching: {httpStatusCodes: "500"}}
                circuitBreakers: {cb: {timeout: 45s}}
              targets:
                apps: {other: {retry: three}}
                components:
                  bus: {inbound: {timeout: bare, retry: three}, outbound: {retry: growing}}

            """)
        #expect(diagnostics == [])
        let one = try #require(found)
        #expect(one.timeouts == ["slow": .seconds(5), "bare": .milliseconds(250)])
        #expect(one.retries["usual"] == .init() && one.retries["usual"]?.maxRetries == nil)
        #expect(one.retries["three"] == .init(duration: .milliseconds(100), maxRetries: 3))
        #expect(one.retries["growing"] == .init(growth: .exponential, maxInterval: .seconds(15)))
        #expect(one.components == ["bus": .init(timeout: "bare", retry: "three")])
        #expect(
            one.unapplied == [
                "spec.policies.retries.growing.matching", "spec.policies.circuitBreakers", "spec.targets.apps",
                "spec.targets.components.bus.outbound",
            ])
    }

    @Test("is refused with the place and the cause", arguments: [
        ("  policies: {retries: {a: {policy: linear}}}", #"spec.policies.retries.a.policy is "linear"; it may be constant or exponential"#),
        ("  policies: {retries: {a: {duration: soon}}}", "spec.policies.retries.a.duration must be a duration"),
        ("  policies: {retries: {a: {maxRetries: -2}}}", "spec.policies.retries.a.maxRetries must be 0 or more, or -1 for no limit, not -2"),
        ("  policies: {timeouts: {a: 0s}}", "spec.policies.timeouts.a must be longer than nothing"),
        ("  policies: {retries: {often: {}}}\n  targets: {components: {bus: {inbound: {retry: ofen}}}}",
         #"spec.targets.components.bus.inbound.retry names the policy "ofen", which spec.policies.retries does not have"#),
        ("  targets: {components: [bus]}", "spec.targets.components must be a mapping"),
    ])
    func refused(spec: String, cause: String) {
        let (found, diagnostics) = read(spec + "\n")
        #expect(found == nil && diagnostics.contains { $0.contains(cause) }, "\(diagnostics)")
    }
}
