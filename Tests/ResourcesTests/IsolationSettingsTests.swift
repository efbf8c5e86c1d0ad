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
                cgroup: /sys/fs/cgroup/octavo
                plugins:
                - name: redis
                  mode: process
                  spares: 1
                  memory: 256Mi
                  cpus: 1.5
                  cpuSeconds: 3600
                  descriptors: 512
                  processes: 0
                  seccomp: strict
                  network: none
                  environment: [HTTP_PROXY, NO_PROXY]
                  hangs: ignore
                - {name: sqlite, mode: none}
                - {name: one, group: shared}
                - {name: two, scope: component, spares: 1}
                groups:
                - {name: shared, memory: 64Mi}
            """)
        #expect(outcome.diagnostics == [])
        let it = try #require(outcome.configuration).isolation
        #expect(it.standard == "none" && it.thirdParty == "process" && it.onCrash == "off" && it.crashLoopLimit == 7)
        #expect(it.cgroup == "/sys/fs/cgroup/octavo")
        let redis = try #require(it.plugins.first)
        #expect(redis.name == "redis" && redis.mode == "process" && redis.process.spares == 1 && redis.process.memory == 256 << 20)
        #expect(redis.process.milliCPUs == 1500)
        #expect(redis.process.cpuSeconds == 3600 && redis.process.descriptors == 512 && redis.process.processes == 0 && redis.process.seccomp == "strict")
        #expect(redis.process.network == "none" && redis.process.environment == ["HTTP_PROXY", "NO_PROXY"] && redis.process.hangs == "ignore")
        #expect(it.plugins[1].name == "sqlite" && it.plugins[1].mode == "none")
        #expect(it.plugins[2].group == "shared" && it.plugins[3].scope == "component" && it.plugins[3].process.spares == 1)
        #expect(it.groups.map(\.name) == ["shared"] && it.groups[0].process.memory == 64 << 20)
    }

    @Test("what can't be is refused, with its place and what may stand there", arguments: [
        ("    default: maybe\n", "spec.isolation.default must be none or process, not \"maybe\""),
        ("    onCrash: on\n", "spec.isolation.onCrash must be isolate or off"),
        ("    cgroup: here\n", "spec.isolation.cgroup must be off, auto or the absolute path"),
        ("    plugins: [{name: a, cpus: 0}]\n", "spec.isolation.plugins[0].cpus must be processors, as 2, 0.5 or 500m"),
        ("    plugins: [{name: a, cpus: \"1.2345\"}]\n", "must be processors"), ("    plugins: [{name: a, cpus: -1}]\n", "must be processors"),
        ("    plugins: [{name: a, cpus: 1.}]\n", "must be processors"), ("    plugins: [{name: a, cpus: 99999999999999999999m}]\n", "must be processors"),
        ("    plugins: [{name: a, cpus: 1.2.3}]\n", "must be processors"), ("    plugins: [{name: a, cpus: m}]\n", "must be processors"),
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
        ("    plugins: [{name: a, scope: loop}]\n", "scope must be plugin or component"),
        ("    plugins: [{name: a, group: g, scope: component}]\n", "a plugin of a group shares its process"),
        ("    plugins: [{name: a, group: g, mode: none}]\n", "mode is none, so there is no process to share"),
        ("    plugins: [{name: a, group: g, memory: 64Mi}]\n", "put this into its entry of spec.isolation.groups"),
        ("    groups: [{name: g}, {name: g}]\n", "group g has an entry already"),
        ("    groups: [{memory: 64Mi}]\n", "spec.isolation.groups[0].name"),
    ])
    func refuses(written: String, message: String) {
        let outcome = load(written)
        #expect(outcome.diagnostics.contains { $0.severity == .error && $0.message.contains(message) }, "\(outcome.diagnostics)")
    }
}
