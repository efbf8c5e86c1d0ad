import Foundation
import JSONText
import Testing

@Suite("Resource files", .serialized)
struct ResourceTests {
    @Test("name the components, their settings and where they were declared")
    func components() async throws {
        let scratch = try Scratch()
        let file = try scratch.write(
            Resource.component("one", "state.in-memory") + "---\n"
                + Resource.component("two", "state.sqlite", [("connectionString", scratch.file("two.db"))]),
            to: "resources/stores.yaml")
        try await OctavoProcess.with(in: scratch, flags: ["--resources-path", scratch.file("resources")]) { (octavo) async throws in
            let components = try await octavo.json("component", "list")["components"]?.array ?? []
            #expect(Set(components.compactMap { $0["name"]?.string }) == ["one", "two"])
            for name in ["one", "two"] {
                #expect(try await octavo.octavo("state", "set", name, "k", name).code == 0)
                #expect(try await octavo.octavo("state", "get", name, "k").output == name)
            }
            #expect(FileManager.default.fileExists(atPath: scratch.file("two.db")))
            let source = try await octavo.json("component", "describe", "two")["source"]?.string
            #expect(source?.contains(file) == true, "\(source ?? "none")")
            // Nothing but what was named: the embedded default is gone.
            #expect(try await Curl(path: "/v1.0/state/statestore/a").send(to: octavo.base).status == 400)
        }
    }

    @Test("may declare a component that starts with its first call")
    func lazy() async throws {
        let scratch = try Scratch()
        let lazy = Resource.component("late", "state.in-memory")
            .replacingOccurrences(of: "  name: late\n", with: "  name: late\n  annotations:\n    octavo.io/start: lazy\n")
        let file = try scratch.write(lazy, to: "late.yaml")
        try await OctavoProcess.with(in: scratch, flags: ["--resources-path", file]) { (octavo) async throws in
            func generation() async throws -> Int? {
                try await octavo.json("plugin", "describe", "memory")["summary"]?["generation"]?.integer
            }
            #expect(try await generation() == 0)
            let body = #"[{"key":"a","value":1}]"#
            #expect(try await Curl(method: "POST", path: "/v1.0/state/late", body: body).send(to: octavo.base).status == 204)
            #expect(try await Curl(path: "/v1.0/state/late/a").send(to: octavo.base).body == "1")
            #expect(try await generation() == 1)
        }
    }

    @Test("may take a value from a secret store", arguments: ["secretstores.local.env", "secretstores.local.file"])
    func secrets(type: String) async throws {
        let scratch = try Scratch()
        try scratch.write(#"{"place": "\#(scratch.file("secret.db"))"}"#, to: "secrets.json")
        let settings = type.hasSuffix("file") ? [("secretsFile", scratch.file("secrets.json"))] : []
        let store = """
            apiVersion: dapr.io/v1alpha1
            kind: Component
            metadata:
              name: store
            spec:
              type: state.sqlite
              version: v1
              metadata:
                - name: connectionString
                  secretKeyRef:
                    name: place
                    key: place
            auth:
              secretStore: vault

            """
        // The store comes first in the file: the order of starting is not the order of writing.
        let file = try scratch.write(store + "---\n" + Resource.component("vault", type, settings), to: "all.yaml")
        try await OctavoProcess.with(
            in: scratch, flags: ["--resources-path", file], environment: ["place": scratch.file("secret.db")]
        ) { (octavo) async throws in
            #expect(try await octavo.octavo("state", "set", "store", "k", "v").code == 0)
            #expect(FileManager.default.fileExists(atPath: scratch.file("secret.db")))
            let answer = try await Curl(path: "/v1.0/secrets/vault/place").send(to: octavo.base)
            #expect(answer.status == 200)
            #expect(answer.json?["place"]?.string == scratch.file("secret.db"), "\(answer)")
            let missing = try await Curl(path: "/v1.0/secrets/vault/nothing").send(to: octavo.base)
            #expect(missing.status != 200 && missing.status != 204, "\(missing)")
            let unknown = try await Curl(path: "/v1.0/secrets/nostore/place").send(to: octavo.base)
            #expect(unknown.status == 401 || unknown.status == 400, "\(unknown)")
            // The value is secret from here on.
            let shown = try await octavo.octavo("component", "describe", "store", "--json")
            #expect(!shown.output.contains("secret.db"), "\(shown.output)")
            #expect(!octavo.process.errors.contains("secret.db"), "\(octavo.process.errors)")
        }
    }

    @Test("may name a secret store that comes after many others")
    func lateSecretStore() async throws {
        let scratch = try Scratch()
        let key = String(repeating: "5a", count: 16)
        let stores = (0..<20).map {
            Resource.component("store\($0)", "state.in-memory", [("keyPrefix", "name")])
                + "    - name: primaryEncryptionKey\n      secretKeyRef: {name: THE_KEY, key: THE_KEY}\nauth: {secretStore: vault}\n"
        }
        let all = (stores + [Resource.component("vault", "secretstores.local.env")]).joined(separator: "---\n")
        let file = try scratch.write(all, to: "all.yaml")
        try await OctavoProcess.with(in: scratch, flags: ["--resources-path", file], environment: ["THE_KEY": key]) { (octavo) async throws in
            for index in [0, 19] {
                #expect(try await octavo.octavo("state", "set", "store\(index)", "k", "v").code == 0)
                #expect(try await octavo.octavo("state", "get", "store\(index)", "k").output == "v")
            }
            #expect(!octavo.process.errors.contains(key), "\(octavo.process.errors)")
        }
    }

    @Test("with encryption keys that can't be used keep the store from starting, and say why", arguments: [
        ("secretKeyRef: {name: SHORT, key: SHORT}", "primaryEncryptionKey must be 32, 48 or 64 hexadecimal digits (AES-128, AES-192 or AES-256), the secret SHORT has 4 characters"),
        ("value: 000102030405060708090a0b0c0d0e0f", "primaryEncryptionKey must come by secretKeyRef"),
        ("secretKeyRef: {name: NOWHERE, key: NOWHERE}", "the secret NOWHERE can't be read from vault"),
    ])
    func badKeys(reference: String, says: String) async throws {
        let scratch = try Scratch()
        let store = Resource.component("store", "state.in-memory", [("keyPrefix", "name")])
            + "    - name: primaryEncryptionKey\n      \(reference)\nauth: {secretStore: vault}\n"
        let all = store + "---\n" + Resource.component("vault", "secretstores.local.env")
        let file = try scratch.write(all, to: "all.yaml")
        try await OctavoProcess.with(
            in: scratch, flags: ["--resources-path", file], environment: ["SHORT": "f00d"], untilReady: false
        ) { (octavo) async throws in
            let reason = try await eventually("the component's failure") { () async throws -> String? in
                let found = try await octavo.json("component", "describe", "store")["summary"]
                return found?["state"]?.string == "failed" ? found?["reason"]?.string : nil
            }
            #expect(reason.contains(says), "\(reason)")
            #expect(!reason.contains("f00d") && !reason.contains("0001020304"))
            let saved = try await Curl(method: "POST", path: "/v1.0/state/store", body: #"[{"key":"a","value":1}]"#).send(to: octavo.base)
            #expect(saved.status == 503, "\(saved)")
        }
    }

    struct Broken: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var text: String
        /// What the log has to say.
        var says: String
    }

    @Test("that are broken are told with file and cause, and the other files count", arguments: [
        Broken(testDescription: "no YAML", text: "kind: [Component\n", says: "broken.yaml"),
        Broken(testDescription: "a tab", text: "kind:\tComponent\n\tmetadata: x\n", says: "broken.yaml"),
        Broken(
            testDescription: "no name", text: "apiVersion: dapr.io/v1alpha1\nkind: Component\nspec:\n  type: state.in-memory\n",
            says: "name"),
        Broken(
            testDescription: "no type",
            text: "apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata:\n  name: typeless\nspec:\n  version: v1\n",
            says: "type"),
        Broken(
            testDescription: "a name twice",
            text: Resource.component("twice", "state.in-memory") + "---\n" + Resource.component("twice", "state.in-memory"),
            says: "twice"),
    ])
    func broken(broken: Broken) async throws {
        let scratch = try Scratch()
        try scratch.write(broken.text, to: "resources/broken.yaml")
        try scratch.write(Resource.component("good", "state.in-memory"), to: "resources/good.yaml")
        let process = try OctavoProcess.launch(in: scratch, flags: ["--resources-path", scratch.file("resources")])
        try await eventually("the complaint\n\(process.errors)") {
            let lines = process.errors.split(separator: "\n")
            return lines.contains { $0.contains("broken.yaml") && $0.contains(broken.says) } ? () : nil
        }
        // Either the rest goes on, or the runtime ends with an error: never a crash.
        if let code = process.code {
            #expect(code == 1, "\(process.errors)")
        } else {
            process.kill(SIGTERM)
            let end = try await process.ended(within: .seconds(15))
            #expect(end.code == 0 || end.code == 1, "\(end.errors)")
        }
    }

    @Test("with a type that no plugin has, or a setting of the wrong kind, end the runtime with the cause", arguments: [
        (Resource.component("store", "state.unheard-of"), "state.unheard-of"),
        (Resource.component("store", "state.sqlite", [("timeout", "soon")]), "timeout"),
    ])
    func fatal(text: String, says: String) async throws {
        let scratch = try Scratch()
        let file = try scratch.write(text, to: "store.yaml")
        let process = try OctavoProcess.launch(in: scratch, flags: ["--resources-path", file])
        try await eventually("the complaint of \(says)\n\(process.errors)") {
            process.errors.contains(says) ? () : nil
        }
        if process.code == nil { process.kill(SIGTERM) }
        let end = try await process.ended(within: .seconds(15))
        #expect(end.code <= 1, "\(end.errors)")
    }
}
