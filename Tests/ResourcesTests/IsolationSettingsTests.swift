import Resources
import Testing

@Suite struct IsolationSettingsTests {
    let folder = TemporaryFolder()

    private func load(_ isolation: String) -> ConfigurationLoader.Outcome {
        let text = "apiVersion: dapr.io/v1alpha1\nkind: Configuration\nmetadata: {name: c}\nspec:\n  isolation:\n" + isolation
        return ConfigurationLoader.load(paths: [folder.write("c.yaml", text)], environment: [:])
    }

    @Test("every member is read")
    func reads() throws {
        let outcome = load(
            """
                default: none
                thirdParty: process
                onCrash: off
                crashLoopLimit: 7
                plugins:
                - name: redis
                  mode: process
                  spares: 1
                  memory: 256Mi
                  cpuSeconds: 3600
                  descriptors: 512
                  processes: 0
                  seccomp: strict
                  network: none
                  environment: [HTTP_PROXY, NO_PROXY]
                  hangs: ignore
                - {name: sqlite, mode: none}
            """)
        #expect(outcome.diagnostics == [])
        let it = try #require(outcome.configuration).isolation
        #expect(it.standard == "none" && it.thirdParty == "process" && it.onCrash == "off" && it.crashLoopLimit == 7)
        let redis = try #require(it.plugins.first)
        #expect(redis.name == "redis" && redis.mode == "process" && redis.spares == 1 && redis.memory == 256 << 20)
        #expect(redis.cpuSeconds == 3600 && redis.descriptors == 512 && redis.processes == 0 && redis.seccomp == "strict")
        #expect(redis.network == "none" && redis.environment == ["HTTP_PROXY", "NO_PROXY"] && redis.hangs == "ignore")
        #expect(it.plugins.last?.name == "sqlite" && it.plugins.last?.mode == "none")
    }

    @Test("what can't be is refused, with its place and what may stand there", arguments: [
        ("    default: maybe\n", "spec.isolation.default must be none or process, not \"maybe\""),
        ("    onCrash: on\n", "spec.isolation.onCrash must be isolate or off"),
        ("    crashLoopLimit: -1\n", "spec.isolation.crashLoopLimit must be from 0"),
        ("    plugins: [{mode: process}]\n", "spec.isolation.plugins[0].name"),
        ("    plugins: [{name: a, mode: proces}]\n", "did you mean process?"),
        ("    plugins: [{name: a, spares: 9}]\n", "spec.isolation.plugins[0].spares must be from 0 to 1, not 9"),
        ("    plugins: [{name: a, memory: 1Mi}]\n", "at least 16Mi, not \"1Mi\""),
        ("    plugins: [{name: a, memory: 9999999999999Gi}]\n", "must be bytes"),
        ("    plugins: [{name: a, memory: lots}]\n", "must be bytes"),
        ("    plugins: [{name: a, descriptors: 3}]\n", "descriptors must be from 32"),
        ("    plugins: [{name: a, seccomp: paranoid}]\n", "must be none or standard or strict"),
        ("    plugins: [{name: a, network: wifi}]\n", "must be none or host"),
        ("    plugins: [{name: a}, {name: a}]\n", "plugin a has an entry already"),
        ("    plugins: {a: process}\n", "spec.isolation.plugins"),
    ])
    func refuses(written: String, message: String) {
        let outcome = load(written)
        #expect(outcome.diagnostics.contains { $0.severity == .error && $0.message.contains(message) }, "\(outcome.diagnostics)")
    }
}
