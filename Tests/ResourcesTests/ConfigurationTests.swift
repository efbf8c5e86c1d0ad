import Resources
import Testing

@Suite struct ConfigurationTests {
    let folder = TemporaryFolder()

    private func load(_ texts: [String], environment: [String: String] = [:]) -> ConfigurationLoader.Outcome {
        let paths = texts.enumerated().map { folder.write("\($0.offset).yaml", $0.element) }
        return ConfigurationLoader.load(paths: paths, environment: environment)
    }

    private func configuration(_ spec: String) -> String {
        "apiVersion: dapr.io/v1alpha1\nkind: Configuration\nmetadata: {name: c}\nspec:\n" + spec
    }

    @Test("access, secrets, metrics, logging, denied components and features are read")
    func readsMembers() throws {
        let outcome = load([
            configuration(
                """
                  api:
                    allowed:
                    - {name: state, version: v1, protocol: grpc}
                    denied:
                    - {name: state, version: v1.0-alpha1}
                  secrets:
                    scopes:
                    - storeName: vault
                      defaultAccess: deny
                      allowedSecrets: [a, b]
                      deniedSecrets: [b]
                  metrics:
                    enabled: false
                    latencyDistributionBuckets: [1, 5, 10]
                    http: {increasedCardinality: false, pathMatching: [/orders/*], excludeVerbs: true}
                  logging:
                    apiLogging: {enabled: true, omitHealthChecks: true}
                  components:
                    deny: [bindings.smtp, state.redis/v2]
                  features:
                  - {name: HotReload, enabled: false}
                  plugins: {watch: true}
                  tracing: {samplingRate: "1"}
                """)
        ])
        #expect(outcome.diagnostics == [])
        let it = try #require(outcome.configuration)
        #expect(it.api.allowed == [APIAccess.Rule(name: "state", version: "v1", protocol: .grpc)])
        #expect(it.api.denied == [APIAccess.Rule(name: "state", version: "v1.0-alpha1", protocol: .http)])
        #expect(it.secretScopes.map { ($0.allows("a"), $0.allows("b"), $0.allows("c")) }.first! == (true, false, false))
        #expect(!it.metrics.isEnabled)
        #expect(it.metrics.latencyBuckets == [1, 5, 10])
        #expect(it.metrics.hasIncreasedCardinality == false)
        #expect(it.metrics.pathMatching == ["/orders/*"])
        #expect(it.metrics.excludesVerbs)
        #expect(it.apiLogging == APILogging(isEnabled: true, obfuscatesURLs: false, omitsHealthChecks: true))
        #expect(!it.allows(componentType: "bindings.smtp", version: "v1"))
        #expect(!it.allows(componentType: "state.redis", version: "v2"))
        #expect(it.allows(componentType: "state.redis", version: "v1"))
        #expect(it.features == ["HotReload": false])
        #expect(it.watchesPlugins)
        #expect(it.spec?["tracing"]?["samplingRate"]?.scalar == "1")
    }

    @Test("later files lie over earlier ones, and a bad one changes nothing")
    func overlays() throws {
        let outcome = load([
            configuration(
                "  metric: {enabled: false}\n  logging: {apiLogging: {enabled: true}}\n  components: {deny: [a.b]}\n"),
            "kind: \"open\n",
            configuration("  logging: {apiLogging: {obfuscateURLs: true}}\n  components: {deny: [c.d]}\n"),
            configuration("  metric: {enabled: perhaps}\n"),
        ])
        let it = try #require(outcome.configuration)
        #expect(!it.metrics.isEnabled)
        #expect(it.apiLogging == APILogging(isEnabled: true, obfuscatesURLs: true))
        #expect(it.deniedComponents == ["c.d"])
        #expect(outcome.diagnostics.map(\.severity) == [.error, .error])
        #expect(outcome.diagnostics[1].location.file.hasSuffix("3.yaml"))
    }

    @Test(
        "environment variables are filled in as Go does it",
        arguments: [
            ("${A}", "one"), ("$A", "one"), ("x$A-${A}y", "xone-oney"), ("$", "$"), ("a$", "a$"), ("^/x$|y", "^/x$|y"),
            ("${A", "${A"), ("$$A", "$one"), ("${}", "${}"), ("$B", "b: 1"),
        ])
    func expands(written: String, value: String) throws {
        let outcome = load([configuration("  workflow: {x: '\(written)'}\n")], environment: ["A": "one", "B": "b: 1"])
        #expect(outcome.configuration?.spec?["workflow"]?["x"]?.scalar == value)
        #expect(outcome.diagnostics == [])
    }

    @Test("a variable that is not set leaves nothing behind and a warning")
    func missingVariable() {
        let outcome = load([configuration("  workflow: {x: 'a${NOPE}b'}\n")])
        #expect(outcome.configuration?.spec?["workflow"]?["x"]?.scalar == "ab")
        #expect(
            outcome.diagnostics.map(\.message) == [
                "the environment variable NOPE is not set; nothing is put in its place"
            ])
    }
}
