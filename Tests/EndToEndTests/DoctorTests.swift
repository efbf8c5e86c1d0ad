import Foundation
import JSONText
import Testing

@Suite("octavo doctor", .serialized)
struct DoctorTests {
    /// What a finding has to say.
    struct Expected: Sendable {
        /// Empty for one that has the test's own folder in it.
        var subject: String
        var cause: String
        var remedy: String
        var severity = "error"
    }

    private func expect(_ expected: Expected, in findings: [JSONValue]) {
        let found = findings.contains {
            (expected.subject.isEmpty || $0["subject"]?.string == expected.subject) && $0["severity"]?.string == expected.severity
                && $0["cause"]?.string?.contains(expected.cause) == true && $0["remedy"]?.string?.contains(expected.remedy) == true
        }
        #expect(found, "\(expected) is not among \(findings)")
    }

    /// The findings, after it was checked that the text for eyes has them too and that the exit code is right.
    private func examined(_ arguments: [String]) async throws -> [JSONValue] {
        let end = try await Subprocess.run(Places.octavo, ["doctor", "--json"] + arguments)
        let findings = try #require(try JSONValue(parsing: end.output)["findings"]?.array)
        let hasErrors = findings.contains { $0["severity"]?.string == "error" }
        #expect(end.code == (hasErrors ? 1 : 0) && end.errors.isEmpty, "\(end)")
        let text = try await Subprocess.run(Places.octavo, ["doctor"] + arguments)
        #expect(text.code == end.code)
        for finding in findings {
            for member in ["subject", "cause", "remedy"] {
                #expect(text.output.contains(finding[member]?.string ?? "?"), "\(member) of \(finding): \(text.output)")
            }
        }
        #expect(findings.isEmpty == (text.output == "Nothing wrong was found.\n"))
        return findings
    }

    // MARK: Of a running runtime

    private func running(
        _ resources: String, plugins: [String] = [], environment: [String: String] = [:], _ expected: [Expected]
    ) async throws {
        let scratch = try Scratch()
        let file = try scratch.write(resources, to: "resources.yaml")
        let flags = ["--resources-path", file, "--plugins-dir", Places.products] + plugins.flatMap { ["--plugins-dir", $0] }
        try await OctavoProcess.with(in: scratch, flags: flags, environment: environment, untilReady: false) { (octavo) async throws in
            // Components have tried once.
            try await eventually("the end of the start") { () async throws -> Void? in
                let components = try await octavo.json("component", "list")["components"]?.array ?? []
                return components.allSatisfy { $0["state"]?.string != "starting" || $0["reason"]?.string != nil } ? () : nil
            }
            let findings = try await examined(["--admin-socket", octavo.adminSocket])
            #expect(findings.count == expected.count, "\(findings)")
            for one in expected { expect(one, in: findings) }
        }
    }

    @Test("finds nothing where nothing is wrong")
    func healthy() async throws {
        try await running(Resource.component("store", "state.in-memory"), [])
    }

    @Test("tells of a plugin that was rejected")
    func rejectedPlugin() async throws {
        let plugins = try Scratch()
        let file = try plugins.write("not a plugin", to: "junk.so")
        try await running(
            Resource.component("store", "state.in-memory"), plugins: [plugins.path],
            [Expected(subject: "plugin junk", cause: "plugin \(file) can't be used", remedy: "Mend or remove \(file)")])
    }

    @Test("tells of a component that does not start")
    func failingComponent() async throws {
        let free = try FreePort.find()
        try await running(
            Resource.component("store", "state.redis", [("redisHost", "127.0.0.1:\(free)")]) + "---\n"
                + Resource.component("typo", "state.sqllite") + "---\n"
                + Resource.component("wrong", "state.sqlite", [("timeout", "soon")]),
            [
                Expected(subject: "component store", cause: "127.0.0.1:\(free)", remedy: "resources.yaml"),
                Expected(subject: "component typo", cause: "did you mean state.sqlite?", remedy: "resources.yaml"),
                Expected(subject: "component wrong", cause: "timeout must be", remedy: "resources.yaml"),
            ])
    }

    private func withSecret(_ name: String, of store: String) -> String {
        Resource.component("store", "state.in-memory", [("keyPrefix", "name")])
            + "    - name: primaryEncryptionKey\n      secretKeyRef: {name: \(name), key: \(name)}\nauth: {secretStore: \(store)}\n"
    }

    @Test("tells of a secret that is not there")
    func missingSecret() async throws {
        let vault = "---\n" + Resource.component("vault", "secretstores.local.env")
        try await running(
            withSecret("NOWHERE", of: "vault") + vault,
            [Expected(subject: "component store", cause: "the secret NOWHERE can't be read from vault", remedy: "resources.yaml")])
        try await running(
            withSecret("NOWHERE", of: "safe") + vault,
            [Expected(subject: "component store", cause: "the secret store safe, which is not among the components", remedy: "resources.yaml")])
    }

    @Test("tells of a resource file that can't be read")
    func brokenFile() async throws {
        try await running(
            Resource.component("store", "state.in-memory") + "---\nkind: [\n",
            [Expected(subject: "", cause: "resources.yaml:", remedy: "Mend the file")])
    }

    // MARK: Before a runtime is started

    /// Flags of `octavo run` that choose free ports and a folder of the test's own.
    private func flags(_ scratch: Scratch) -> [String] {
        ["--offline", "--dapr-http-port", "0", "--dapr-grpc-port", "0", "--metrics-port", "0", "--data-dir", scratch.file("data")]
    }

    @Test("without a runtime finds nothing where one would start, and leaves nothing behind")
    func fine() async throws {
        let scratch = try Scratch()
        #expect(try await examined(flags(scratch)) == [])
        #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path) == [])
    }

    @Test("without a runtime names ports that are in use")
    func ports() async throws {
        let scratch = try Scratch()
        let taken = try (0..<3).map { _ in try ListeningSocket(backlog: 1) }
        let names = ["--dapr-http-port", "--dapr-grpc-port", "--metrics-port"]
        let chosen = zip(names, taken).flatMap { [$0, "\($1.port)"] }
        let findings = try await examined(["--offline", "--data-dir", scratch.file("data")] + chosen)
        #expect(findings.count == 3, "\(findings)")
        for (name, socket) in zip(names, taken) {
            let host = name == "--metrics-port" ? "0.0.0.0" : "127.0.0.1"
            expect(Expected(subject: "\(host):\(socket.port)", cause: "Another process listens there.", remedy: name), in: findings)
        }
        // What it says is what happens.
        let end = try await OctavoProcess.launch(in: scratch, flags: ["--dapr-http-port", "\(taken[0].port)"]).ended()
        #expect(end.code == 1 && end.errors.contains("Can't listen on 127.0.0.1:\(taken[0].port): Address already in use."), "\(end.errors)")
        withExtendedLifetime(taken) {}
    }

    @Test("without a runtime names a folder that can't be used", arguments: ["/proc/octavo", "file", "file/below"])
    func folder(name: String) async throws {
        let scratch = try Scratch()
        try scratch.write("", to: "file")
        let folder = name.hasPrefix("/") ? name : scratch.file(name)
        let findings = try await examined(flags(scratch).dropLast() + [folder])
        #expect(findings.count == 1)
        expect(Expected(subject: "data folder \(folder)", cause: "The runtime can't keep its files there", remedy: "--data-dir"), in: findings)
        let end = try await Subprocess.run(Places.octavo, ["run", "--data-dir", folder, "--admin-socket", scratch.file("admin")])
        #expect(end.code == 1 && end.errors.contains("the data folder \(folder) can't be used"), "\(end.errors)")
    }

    @Test("without a runtime names sockets and certificates that can't be used")
    func listeners() async throws {
        let scratch = try Scratch()
        let long = scratch.file(String(repeating: "x", count: 100))
        let findings = try await examined(
            flags(scratch) + ["--unix-domain-socket", long, "--tls-cert", "/no/such.pem", "--tls-key", "/no/such.key"])
        expect(Expected(subject: "TLS", cause: "/no/such.pem: No such file or directory", remedy: "--tls-cert"), in: findings)
        expect(
            Expected(subject: long + "/dapr-octavo-http.socket", cause: "more than the 107 of a Unix socket", remedy: "--unix-domain-socket"),
            in: findings)
        let nowhere = try await examined(flags(scratch) + ["--unix-domain-socket", "/no/such"])
        #expect(nowhere.count == 2)
        expect(
            Expected(subject: "/no/such/dapr-octavo-grpc.socket", cause: "No such file or directory", remedy: "--unix-domain-socket"),
            in: nowhere)
    }

    @Test("without a runtime names plugins, types, secrets and files that would not do")
    func resources() async throws {
        let scratch = try Scratch()
        let junk = try scratch.write("not a plugin", to: "plugins/junk.so")
        let all = [
            Resource.component("typo", "state.sqllite"), withSecret("NOWHERE", of: "vault"),
            withSecret("PRESENT", of: "vault").replacingOccurrences(of: "name: store", with: "name: good"),
            withSecret("ANY", of: "safe").replacingOccurrences(of: "name: store", with: "name: lost"),
            withSecret("ANY", of: "typo").replacingOccurrences(of: "name: store", with: "name: odd"),
            Resource.component("vault", "secretstores.local.env"), "kind: [\n",
        ].joined(separator: "---\n")
        let file = try scratch.write(all, to: "resources.yaml")
        let end = try await Subprocess.run(
            Places.octavo,
            ["doctor", "--json"] + flags(scratch)
                + ["--resources-path", file, "--plugins-dir", Places.products, "--plugins-dir", scratch.file("plugins")],
            environment: ["PRESENT": "x"])
        let findings = try #require(try JSONValue(parsing: end.output)["findings"]?.array)
        #expect(end.code == 1 && findings.count == 6, "\(findings)")
        for one in [
            Expected(subject: "plugin \(junk)", cause: "it is not an ELF file", remedy: "Mend or remove"),
            Expected(subject: "component typo", cause: "No plugin offers state.sqllite; did you mean state.sqlite?", remedy: "spec.type"),
            Expected(subject: "component store", cause: "the secret NOWHERE of vault, and no environment variable has that name", remedy: "Set NOWHERE"),
            Expected(subject: "component lost", cause: "the secret store safe, which is not among the resources", remedy: "Add a component safe"),
            Expected(subject: "component odd", cause: "auth.secretStore names typo, which is a state.sqllite", remedy: "secretstores.*"),
            Expected(subject: file, cause: "\(file):", remedy: "Mend the file"),
        ] { expect(one, in: findings) }
    }

    @Test("says which runtime it did not reach when one was named")
    func unreachable() async throws {
        let end = try await Subprocess.run(Places.octavo, ["doctor", "--admin-socket", "/tmp/octavo-no-such-socket"])
        #expect(end.code == 3 && end.output.isEmpty && end.errors.contains("/tmp/octavo-no-such-socket"), "\(end)")
    }
}
