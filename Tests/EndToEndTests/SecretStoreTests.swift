import Foundation
import Testing

@Suite("Secret stores, through the Dapr SDK and over HTTP", .serialized, .enabled(if: Places.hasSDK, "tools/setup test installs it"))
struct SecretStoreTests {
    static func run(_ arguments: [String], _ octavo: OctavoProcess) async throws {
        try await SDKTests.run("secrets_of", arguments, octavo)
    }

    /// A configuration with one scope.
    private static func scope(_ lines: String, _ store: String, _ scratch: Scratch) throws -> String {
        let text = "apiVersion: dapr.io/v1alpha1\nkind: Configuration\nmetadata: {name: c}\nspec:\n  secrets:\n    scopes:\n"
            + "      - {storeName: \(store), \(lines)}\n"
        return try scratch.write(text, to: "configuration.yaml")
    }

    /// All secrets are `a` and `b`, with a pair each.
    static func scopes(_ store: String, _ resources: String, _ scratch: Scratch, _ modes: [String], environment: [String: String] = [:]) async throws {
        let a = #"{"a": {"a": "1"}}"#, b = #"{"b": {"b": "2"}}"#
        for (lines, expected, denied) in [
            ("defaultAccess: deny, allowedSecrets: [a]", a, "b"), ("defaultAccess: allow, deniedSecrets: [a]", b, "a"),
            ("defaultAccess: deny, allowedSecrets: [b]", b, "a"),
        ] {
            let flags = ["--resources-path", resources, "--config", try scope(lines, store, scratch)] + modes
            try await OctavoProcess.with(in: try Scratch(), flags: flags, environment: environment) { octavo in
                try await run([store, expected, denied], octavo)
            }
        }
    }

    @Test("A JSON file gives what is in it, by scopes", arguments: StoresTests.modes)
    func file(modes: [String]) async throws {
        let scratch = try Scratch()
        try scratch.write(#"{"a": "1", "b": {"c": "2", "d": ["3"]}}"#, to: "secrets.json")
        let resources = try scratch.write(
            [
                Resource.component("flat", "secretstores.local.file", [("secretsFile", scratch.file("secrets.json"))]),
                Resource.component("deep", "secretstores.local.file", [("secretsFile", scratch.file("secrets.json")), ("multiValued", "true")]),
            ].joined(separator: "---\n"), to: "all.yaml")
        try await OctavoProcess.with(in: try Scratch(), flags: ["--resources-path", resources] + modes) { octavo in
            try await Self.run(["flat", #"{"a": {"a": "1"}, "b:c": {"b:c": "2"}, "b:d:0": {"b:d:0": "3"}}"#], octavo)
            try await Self.run(["deep", #"{"a": {"a": "1"}, "b": {"c": "2", "d:0": "3"}}"#], octavo)
        }
        try scratch.write(#"{"a": "1", "b": "2"}"#, to: "secrets.json")
        try await Self.scopes("flat", resources, scratch, modes)
    }

    @Test("Environment variables are there but for the runtime's own, by scopes")
    func environment() async throws {
        let scratch = try Scratch()
        let resources = try scratch.write(
            [
                Resource.component("all", "secretstores.local.env"),
                Resource.component("mine", "secretstores.local.env", [("prefix", "MINE_")]),
            ].joined(separator: "---\n"), to: "all.yaml")
        let environment = ["MINE_a": "1", "MINE_b": "2", "OTHER": "x"]
        try await OctavoProcess.with(in: try Scratch(), flags: ["--resources-path", resources], environment: environment) { octavo in
            try await Self.run(["--some", "all", #"{"MINE_a": {"MINE_a": "1"}, "OTHER": {"OTHER": "x"}}"#], octavo)
            try await Self.run(["mine", #"{"a": {"a": "1"}, "b": {"b": "2"}}"#], octavo)
        }
        try await Self.scopes("mine", resources, scratch, [], environment: environment)
    }

    @Test("keep to what a secret store must do, in process and isolated", arguments: ["vault", "kubernetes", "local-secrets"])
    func conformance(plugin: String) async throws {
        let scratch = try Scratch()
        let server = plugin == "local-secrets" ? nil : try await APIServer.start(plugin)
        let settings: [String]
        switch (plugin, server) {
        case ("vault", let server?):
            try await server.vault("POST", "secret/data/dapr/a", #"{"data": {"b": "1", "c": "2"}}"#)
            try await server.vault("POST", "secret/data/dapr/d/e", #"{"data": {"f": ""}}"#)
            settings = ["vaultAddr=\(server.base)", "vaultToken=root"]
        case ("kubernetes", let server?):
            try await server.kubernetes("a", ["b": "1", "c": "2"])
            try await server.kubernetes("d.e", ["f": ""])
            settings = ["kubeconfigPath=\(try KubernetesTests.configuration(server, scratch))"]
        default: settings = ["secretsFile=\(try scratch.write(#"{"a": "1", "b": {"c": "2"}}"#, to: "secrets.json"))"]
        }
        let checked = try await Subprocess.run(
            Places.octavo, ["plugin", "check", "\(Places.products)/liboctavo-plugin-\(plugin).so"] + settings.flatMap { ["--set", $0] },
            within: .seconds(240))
        #expect(checked.code == 0, "\(checked.output)\n\(checked.errors)")
        for word in ["bulk_get and get agree", ", 0 failed, "] + (plugin == "vault" ? [] : ["a watch can be opened and ended"]) {
            #expect(checked.output.contains(word), "\(checked.output)")
        }
    }

    @Test("survive answers that make no sense", arguments: ["vault", "kubernetes"])
    func nonsense(kind: String) async throws {
        let scratch = try Scratch(), server = try await APIServer.start(kind)
        let store = kind == "vault"
            ? Resource.component("store", "secretstores.hashicorp.vault", [("vaultAddr", server.base), ("vaultToken", "root")])
            : KubernetesTests.store(try KubernetesTests.configuration(server, scratch), name: "store")
        let flags = ["--resources-path", try scratch.write(store, to: "resources/all.yaml"), "--isolate", "all"]
        let pieces = [
            "", "[]", "{", "null", "{}", #"{"data": null}"#, #"{"data": {"data": null}}"#, #"{"data": {"data": [1, {"a": 2}]}}"#,
            #"{"data": {"keys": [1, null, "../x", "/", "a/", {"b": []}, ""]}}"#, #"{"data": {"keys": "a"}}"#,
            #"{"items": {"a": 1}, "metadata": {"resourceVersion": {}, "continue": []}}"#, #"{"items": [[], 1, {"data": {"a": "*"}}, {}]}"#,
            #"{"data": {"a": "AA==", "b": "A", "c": "gICA"}}"#, #"{"errors": {"a": [{}]}, "message": [1]}"#,
            String(repeating: #"{"data":"#, count: 200), "{\"data\": {\"a\u{0}\": 1}}", "<html>\u{FFFD}</html>",
        ]
        try await OctavoProcess.with(in: scratch, flags: flags) { octavo in
            let process = try await octavo.json("plugin", "describe", kind)["summary"]?["processID"]?.integer
            for text in pieces {
                for status in [200, 404, 403, 500] {
                    let digits = text.utf8.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
                    try await server.control(#"{"junk": "\#(digits)", "status": \#(status)}"#)
                    for name in ["a", "bulk"] {
                        let answer = try await Curl(path: "/v1.0/secrets/store/\(name)").send(to: octavo.base)
                        #expect(status == 200 || answer.status >= 400 || name == "bulk" && answer.body == "{}", "\(text): \(answer)")
                    }
                }
            }
            #expect(process != nil)
            #expect(try await octavo.json("plugin", "describe", kind)["summary"]?["processID"]?.integer == process)
        }
    }
}
