import Foundation
import Testing

@Suite("etcd with TLS and logins", .serialized)
struct EtcdLoginTests {
    private func flags(_ scratch: Scratch, _ components: [String]) throws -> [String] {
        try scratch.write(components.joined(separator: "---\n"), to: "resources/all.yaml")
        return ["--resources-path", scratch.file("resources")]
    }

    private func save(_ store: String, _ octavo: OctavoProcess) async throws -> (status: Int, body: String) {
        let answer = try await Curl(method: "POST", path: "/v1.0/state/\(store)", body: #"[{"key":"k","value":1}]"#).send(to: octavo.base)
        return (answer.status, answer.body)
    }

    @Test("A server that asks for certificates gets one, and is held to its own", arguments: StoresTests.modes)
    func certificates(modes: [String]) async throws {
        let certificates = try await Certificates()
        let server = try await EtcdServer.start(certificates: certificates)
        let scratch = try Scratch()
        let common = [("endpoints", "127.0.0.1:\(server.port)"), ("tlsEnable", "true")]
        let identity = [("cert", certificates.client), ("key", certificates.clientKey)]
        func store(_ name: String, _ metadata: [(String, String)]) -> String {
            Resource.component(name, "state.etcd", common + metadata, version: "v2", extra: ["ignoreErrors: true"])
        }
        let all = [
            store("right", identity + [("ca", certificates.authority)]), store("stranger", identity + [("ca", certificates.stranger)]),
            store("nameless", [("ca", certificates.authority)]),
        ]
        try await OctavoProcess.with(in: scratch, flags: try flags(scratch, all) + modes) { octavo in
            try await eventually("a write over TLS") { try await save("right", octavo).status == 204 ? () : nil }
            for name in ["stranger", "nameless"] {
                let refused = try await save(name, octavo)
                #expect(refused.status >= 400 && refused.body.contains(name), "\(refused)")
            }
            let why = try await octavo.octavo("component", "describe", "stranger").output
            #expect(why.contains("TLS with 127.0.0.1:\(server.port) fails"), "\(why)")
        }
        try await server.killed()
    }

    /// A cluster whose tokens end after two seconds.
    private func guarded() async throws -> (server: EtcdServer, flags: [String], keys: Scratch) {
        let keys = try Scratch()
        for arguments in [
            ["genrsa", "-out", keys.file("private.pem"), "2048"],
            ["rsa", "-in", keys.file("private.pem"), "-pubout", "-out", keys.file("public.pem")],
        ] {
            let made = try await Subprocess.run("openssl", arguments)
            guard made.code == 0 else { throw Trouble("openssl: \(made.errors)") }
        }
        let flags = [
            "--auth-token",
            "jwt,pub-key=\(keys.file("public.pem")),priv-key=\(keys.file("private.pem")),sign-method=RS256,ttl=2s",
        ]
        let server = try await EtcdServer.start(flags: flags)
        try await server.control("user", "add", "root:top secret")
        try await server.control("user", "grant-role", "root", "root")
        try await server.control("auth", "enable")
        return (server, flags, keys)
    }

    private func ask(_ server: EtcdServer, _ path: String, _ body: String, token: String = "") async throws -> String {
        try await Subprocess.run(
            "curl", ["-sS", "-m", "5", "-H", "Authorization: \(token)", "-d", body, "http://127.0.0.1:\(server.port)\(path)"]
        ).output
    }

    @Test(
        "A login is made again when its token has ended, for requests and watches",
        .enabled(if: Places.hasSDK, "tools/setup test installs the SDK"), arguments: StoresTests.modes)
    func tokens(modes: [String]) async throws {
        let (first, settings, keys) = try await guarded()
        var server = first
        let scratch = try Scratch()
        let login = [("endpoints", "127.0.0.1:\(server.port)"), ("username", "root"), ("password", "top secret")]
        let all = [
            Resource.component("values", "state.etcd", login, version: "v2"),
            Resource.component("items", "configuration.etcd", login + [("keyPrefixPath", "items")]),
            Resource.component(
                "wrong", "state.etcd", Array(login.dropLast()) + [("password", "guessed")], version: "v2", extra: ["ignoreErrors: true"]),
        ]
        try await OctavoProcess.with(in: scratch, flags: try flags(scratch, all) + modes) { octavo in
            let follower = try Subprocess(
                Places.python, [Places.script("follow"), "items", "a"], environment: SDKTests.environment(octavo))
            func hear(_ line: String) async throws {
                try await eventually("\(line) in: \(follower.output)\(follower.errors)", within: .seconds(30)) {
                    follower.output.split(separator: "\n").contains { $0 == line } ? () : nil
                }
            }
            try await hear("subscribed")
            #expect(try await save("values", octavo).status == 204)
            // A token of now ends no sooner than those of the components.
            let answer = try await ask(server, "/v3/auth/authenticate", #"{"name":"root","password":"top secret"}"#)
            let token = try #require(answer.split(separator: "\"").first { $0.count > 100 })
            try await eventually("the end of a token", within: .seconds(30)) {
                try await ask(server, "/v3/kv/range", #"{"key":"aw=="}"#, token: String(token)).contains("invalid auth token") ? () : nil
            }
            #expect(try await save("values", octavo).status == 204)
            // The watch has to log in, too, to begin again.
            try await server.killed()
            server = try await EtcdServer.start(again: server, flags: settings)
            try await server.control("--user", "root:top secret", "put", "items/a", "1")
            try await hear("a=1")
            let refused = try await save("wrong", octavo)
            #expect(refused.status >= 400, "\(refused)")
            let why = try await octavo.octavo("component", "describe", "wrong").output
            #expect(why.contains("refuses the user or the password"), "\(why)")
            #expect(!why.contains("guessed"), "\(why)")
        }
        try await server.killed()
        withExtendedLifetime(keys) {}
    }
}
