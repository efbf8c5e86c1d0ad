import Foundation
import JSONText
import Testing

@Suite("Vault", .serialized)
struct VaultTests {
    private func write(_ scratch: Scratch, _ components: String...) throws -> [String] {
        ["--resources-path", try scratch.write(components.joined(separator: "---\n"), to: "resources/all.yaml")]
    }

    private func store(_ name: String, _ server: APIServer, _ metadata: [(String, String)] = [("vaultToken", "root")]) -> String {
        Resource.component(name, "secretstores.hashicorp.vault", [("vaultAddr", server.base)] + metadata)
    }

    /// Two secrets below dapr/, one of them in a folder, of which one has two versions.
    private func fill(_ server: APIServer) async throws {
        try await server.vault("POST", "secret/data/dapr/db", #"{"data": {"user": "u", "password": "old"}}"#)
        try await server.vault("POST", "secret/data/dapr/db", #"{"data": {"user": "u", "password": "new"}}"#)
        try await server.vault("POST", "secret/data/dapr/team/key%20%3F", #"{"data": {"n": 1.5, "yes": true, "deep": {"a": [1]}, "text": "ä\n"}}"#)
        try await server.vault("POST", "secret/data/elsewhere", #"{"data": {"x": "y"}}"#)
    }

    private func read(_ octavo: OctavoProcess, _ name: String, _ query: String = "", store: String = "vault") async throws -> Curl.Answer {
        try await Curl(path: "/v1.0/secrets/\(store)/\(name)\(query)").send(to: octavo.base, seconds: 20)
    }

    @Test(
        "Secrets of version 2 and 1 of the engine come as pairs or as text, single and all",
        .enabled(if: Places.hasSDK, "tools/setup test installs the SDK"), arguments: StoresTests.modes)
    func reads(modes: [String]) async throws {
        let server = try await APIServer.start("vault"), scratch = try Scratch()
        try await fill(server)
        try await server.vault("POST", "kv1/a", #"{"k": "v", "l": "w"}"#)
        try await server.vault("POST", "team/kv/data/a", #"{"data": {"k": "v"}}"#)
        let flags = try write(
            scratch, store("vault", server), store("text", server, [("vaultToken", "root"), ("vaultValueType", "text")]),
            store("one", server, [("vaultToken", "root"), ("enginePath", "kv1"), ("vaultKVUsePrefix", "false")]),
            store("deep", server, [("vaultToken", "root"), ("enginePath", "/team/kv/"), ("vaultKVUsePrefix", "false")]),
            store("prefixed", server, [("vaultToken", "root"), ("vaultKVPrefix", "dapr/team")]),
            store("none", server, [("vaultToken", "root"), ("vaultKVPrefix", "nothing")]))
        try await OctavoProcess.with(in: scratch, flags: flags + modes) { octavo in
            let key = #""n": "1.5", "yes": "true", "deep": "{\"a\": [1]}", "text": "ä\n""#
            try await SecretStoreTests.run(
                ["vault", #"{"db": {"user": "u", "password": "new"}, "team/key ?": {\#(key)}}"#], octavo)
            try await SecretStoreTests.run(["one", #"{"a": {"k": "v", "l": "w"}}"#], octavo)
            try await SecretStoreTests.run(["deep", #"{"a": {"k": "v"}}"#], octavo)
            try await SecretStoreTests.run(["prefixed", #"{"key ?": {\#(key)}}"#], octavo)
            try await SecretStoreTests.run(["none", "{}"], octavo)
            let text = try await read(octavo, "db", store: "text")
            let pairs = try JSONValue(parsing: try #require(text.json?["db"]?.string))
            #expect(pairs["user"]?.string == "u" && pairs["password"]?.string == "new", "\(text)")
            let shown = try await octavo.json("component", "describe", "vault")
            #expect(!"\(shown)".contains("root"))
        }
        try await server.vault("DELETE", "secret/data/dapr/db")
        try await server.vault("DELETE", "secret/data/dapr/team/key%20%3F")
        try await server.vault("POST", "secret/data/dapr/a", #"{"data": {"a": "1"}}"#)
        try await server.vault("POST", "secret/data/dapr/b", #"{"data": {"b": "2"}}"#)
        try await SecretStoreTests.scopes("vault", scratch.file("resources"), scratch, modes)
    }

    @Test("A version is what version_id names; deleted and destroyed ones are said to be", arguments: StoresTests.modes)
    func versions(modes: [String]) async throws {
        let server = try await APIServer.start("vault"), scratch = try Scratch()
        try await fill(server)
        try await server.vault("POST", "kv1/a", #"{"k": "v"}"#)
        let one = store("one", server, [("vaultToken", "root"), ("enginePath", "kv1"), ("vaultKVUsePrefix", "false")])
        try await OctavoProcess.with(in: scratch, flags: try write(scratch, store("vault", server), one) + modes) { octavo in
            #expect(try await read(octavo, "db", "?metadata.version_id=1").json?["password"]?.string == "old")
            #expect(try await read(octavo, "db", "?metadata.version_id=0").json?["password"]?.string == "new")
            let none = try await read(octavo, "db", "?metadata.version_id=9")
            #expect(none.status == 500 && none.body.contains("has no secret db"), "\(none)")
            #expect(try await read(octavo, "db", "?metadata.version_id=x").status == 400)
            let kept = try await read(octavo, "a", "?metadata.version_id=1", store: "one")
            #expect(kept.status == 400 && kept.body.contains("keeps one version"), "\(kept)")
            try await server.vault("PUT", "secret/destroy/dapr/db", #"{"versions": [1]}"#)
            try await server.vault("DELETE", "secret/data/dapr/db")
            for query in ["", "?metadata.version_id=1"] {
                let gone = try await read(octavo, "db", query)
                #expect(gone.status == 500 && gone.body.contains("has been deleted"), "\(gone)")
            }
            let all = try await read(octavo, "bulk")
            #expect(all.status == 200 && !all.body.contains("db") && all.body.contains("team/key ?"), "\(all)")
            for name in ["..%2Felsewhere", "team%2F..%2F..%2Felsewhere", "a%2F%2Fb"] {
                let answer = try await read(octavo, name)
                #expect(answer.status == 400, "\(name): \(answer)")
            }
        }
    }

    @Test("What the server refuses is said, with what to do", arguments: StoresTests.modes)
    func refusals(modes: [String]) async throws {
        let server = try await APIServer.start("vault"), other = try await APIServer.start("vault"), scratch = try Scratch()
        try await fill(server)
        try await server.vault("POST", "secret/data/dapr/open", #"{"data": {"o": "1"}}"#)
        let flags = try write(scratch, store("vault", server), store("narrow", server, [("vaultToken", "narrow")]))
        try await OctavoProcess.with(in: scratch, flags: flags + modes + ["--read-buffer-size", "64Ki"]) { octavo in
            #expect(try await read(octavo, "open", store: "narrow").json?["o"]?.string == "1")
            for name in ["db", "bulk"] {
                let denied = try await read(octavo, name, store: "narrow")
                #expect(denied.status == 403 && denied.body.contains("permission denied"), "\(denied)")
            }
            // Nobody else has to do with what can't be asked.
            let long = try await read(octavo, String(repeating: "n", count: 17_000))
            #expect(long.status == 400 && long.body.contains("too long") && long.body.contains("16384"), "\(long)")
            #expect(try await read(octavo, "db").status == 200)
            // Throttled twice, then answered; for longer than a request takes: said.
            try await server.control(#"{"throttle": 2}"#)
            #expect(try await read(octavo, "db").json?["password"]?.string == "new")
            try await server.control(#"{"throttle": 1, "retry_after": 1}"#)
            let begin = ContinuousClock.now
            #expect(try await read(octavo, "db").status == 200)
            #expect(ContinuousClock.now - begin >= .seconds(1))
            try await server.control(#"{"throttle": 1, "retry_after": 3600}"#)
            let throttled = try await read(octavo, "db")
            #expect(throttled.status == 429 && throttled.body.contains("rate limit quota exceeded"), "\(throttled)")
            // A token goes nowhere else.
            try await server.control(#"{"redirect": "\#(other.base)"}"#)
            let moved = try await read(octavo, "db")
            #expect(moved.body.contains("refers to another server") && moved.status == 500, "\(moved)")
            let seen = try await other.control()
            #expect(!seen.contains { $0.contains("secret") }, "\(seen)")
            try await server.control(#"{"redirect": null}"#)
            try await server.vault("PUT", "sys/seal")
            let sealed = try await read(octavo, "db")
            #expect(sealed.status == 503 && sealed.body.contains("Vault is sealed"), "\(sealed)")
            try await eventually("the component's health", within: .seconds(30)) {
                "\(try await octavo.json("component", "describe", "vault"))".contains("sealed") ? () : nil
            }
            try await server.vault("PUT", "sys/unseal")
            #expect(try await read(octavo, "db").status == 200)
        }
    }

    @Test("A server that is gone is named, and asked again when it is back", arguments: StoresTests.modes)
    func outage(modes: [String]) async throws {
        var server = try await APIServer.start("vault")
        let scratch = try Scratch()
        try await OctavoProcess.with(in: scratch, flags: try write(scratch, store("vault", server)) + modes) { octavo in
            try await server.killed()
            let gone = try await read(octavo, "db")
            #expect(gone.status == 503 && gone.body.contains("127.0.0.1:\(server.port)") && gone.body.contains("vault"), "\(gone)")
            server = try await APIServer.start("vault", again: server)
            try await fill(server)
            try await eventually("the recovery") { try await read(octavo, "db").status == 200 ? () : nil }
        }
    }

    @Test("A token in a file is the newest one; a wrong one is refused at the start", arguments: StoresTests.modes)
    func tokens(modes: [String]) async throws {
        let server = try await APIServer.start("vault"), scratch = try Scratch()
        try await fill(server)
        try scratch.write("root\n", to: "token")
        let flags = try write(
            scratch, store("vault", server, [("vaultTokenMountPath", scratch.file("token"))]), store("wrong", server, [("vaultToken", "wr0ng")]))
        try await OctavoProcess.with(in: scratch, flags: flags + modes, untilReady: false) { octavo in
            try await eventually("the store") { try await read(octavo, "db").status == 200 ? () : nil }
            try scratch.write("another\n", to: "token")
            try await server.control(#"{"tokens": ["another"]}"#)
            #expect(try await read(octavo, "db").status == 200)
            try await server.control(#"{"tokens": ["third"]}"#)
            let denied = try await read(octavo, "db")
            #expect(denied.status == 403 && denied.body.contains("Check the token"), "\(denied)")
            try scratch.write("third", to: "token")
            #expect(try await read(octavo, "db").status == 200)
            try await eventually("the wrong one's reason", within: .seconds(30)) {
                octavo.process.errors.contains("Check the token and its policies") ? () : nil
            }
            #expect(!octavo.process.errors.contains("wr0ng"))
        }
    }

    @Test("TLS trusts who it is told to, by the name it is told")
    func tls() async throws {
        let certificates = try await Certificates(), scratch = try Scratch()
        let server = try await APIServer.start("vault", certificates: certificates)
        try await fill(server)
        let authority = certificates.folder.read("authority.pem")
        try scratch.write(certificates.folder.read("stranger.pem"), to: "authorities/stranger.pem")
        try scratch.write(authority, to: "authorities/ours.pem")
        try scratch.write(certificates.folder.read("stranger.pem"), to: "strangers/stranger.pem")
        let text = store("pem", server) + "    - name: caPem\n      value: |\n"
            + authority.split(separator: "\n").map { "        \($0)\n" }.joined()
        let token = ("vaultToken", "root")
        let good = [
            text, store("file", server, [token, ("caCert", certificates.authority)]),
            store("folder", server, [token, ("caPath", scratch.file("authorities"))]),
            store("any", server, [token, ("skipVerify", "true")]),
            store("named", server, [token, ("caCert", certificates.authority), ("tlsServerName", "localhost")]),
        ]
        let bad = [
            store("misnamed", server, [token, ("caCert", certificates.authority), ("tlsServerName", "vault.example")]),
            store("strange", server, [token, ("caPath", scratch.file("strangers"))]), store("system", server),
        ]
        let flags = ["--resources-path", try scratch.write((good + bad).joined(separator: "---\n"), to: "resources/all.yaml")]
        try await OctavoProcess.with(in: scratch, flags: flags, untilReady: false) { octavo in
            for name in ["pem", "file", "folder", "any", "named"] {
                try await eventually("\(name)\n\(octavo.process.errors.suffix(2000))") {
                    try await read(octavo, "db", store: name).json?["password"]?.string == "new" ? () : nil
                }
            }
            for name in ["misnamed", "strange", "system"] {
                try await eventually("the refusal of \(name)") {
                    let answer = try await read(octavo, "db", store: name)
                    return answer.status == 503 && answer.body.contains("TLS with 127.0.0.1:\(server.port) fails") ? () : nil
                }
            }
        }
    }

    @Test(
        "Metadata that can't be right is refused with the cause",
        arguments: [
            ([], "give vaultToken or vaultTokenMountPath"), ([("vaultToken", "a"), ("vaultTokenMountPath", "/b")], "leave one out"),
            ([("vaultToken", "a"), ("vaultAddr", "vault.example:8200")], "begin with https://"),
            ([("vaultToken", "a"), ("enginePath", "a/../b")], "enginePath"), ([("vaultToken", "a"), ("vaultValueType", "xml")], "vaultValueType"),
            ([("vaultToken", "a"), ("caPath", "/nowhere")], "/nowhere"), ([("vaultTokenMountPath", "/nowhere")], "/nowhere"),
        ] as [([(String, String)], String)])
    func misuse(metadata: [(String, String)], cause: String) async throws {
        let scratch = try Scratch()
        let flags = try write(scratch, Resource.component("vault", "secretstores.hashicorp.vault", metadata))
        try await OctavoProcess.with(in: scratch, flags: flags, untilReady: false) { octavo in
            try await eventually("\(cause) in \(octavo.process.errors)") { octavo.process.errors.contains(cause) ? () : nil }
        }
    }
}
