import Foundation
import JSONText
import Testing

@Suite("etcd, killed and started again", .serialized)
struct EtcdTests {
    /// Of the two endpoints the first is never there.
    private func flags(_ scratch: Scratch, _ server: EtcdServer) throws -> [String] {
        let endpoints = [("endpoints", "127.0.0.1:1,127.0.0.1:\(server.port)")]
        let all = [
            Resource.component("values", "state.etcd", endpoints).replacingOccurrences(of: "version: v1", with: "version: v2"),
            Resource.component("items", "configuration.etcd", endpoints + [("keyPrefixPath", "items")]),
        ]
        try scratch.write(all.joined(separator: "---\n"), to: "resources/all.yaml")
        return ["--resources-path", scratch.file("resources")]
    }

    @Test("What was acknowledged is there; meanwhile it is UNAVAILABLE, and says where", arguments: StoresTests.modes)
    func values(modes: [String]) async throws {
        var server = try await EtcdServer.start()
        let scratch = try Scratch()
        try await OctavoProcess.with(in: scratch, flags: try flags(scratch, server) + modes) { octavo in
            for round in 1...2 {
                for key in 0..<20 {
                    let save = Curl(method: "POST", path: "/v1.0/state/values", body: #"[{"key":"k\#(key)","value":\#(round)}]"#)
                    #expect(try await save.send(to: octavo.base).status == 204)
                }
                try await server.killed()
                let refused = try await Curl(path: "/v1.0/state/values/k0").send(to: octavo.base)
                #expect(refused.status == 503 && refused.body.contains("values"), "\(refused)")
                #expect(refused.body.contains("127.0.0.1:\(server.port)"), "\(refused)")
                server = try await EtcdServer.start(again: server)
                try await eventually("the recovery", within: .seconds(30)) {
                    try await Curl(path: "/v1.0/state/values/k0").send(to: octavo.base).status == 200 ? () : nil
                }
                for key in 0..<20 {
                    #expect(try await Curl(path: "/v1.0/state/values/k\(key)").send(to: octavo.base).body == "\(round)")
                }
            }
        }
        try await server.killed()
    }

    @Test(
        "A watch goes on, and tells what was written while it was lost", .enabled(if: Places.hasSDK, "tools/setup test installs the SDK"),
        arguments: StoresTests.modes)
    func watch(modes: [String]) async throws {
        var server = try await EtcdServer.start()
        let scratch = try Scratch()
        try await OctavoProcess.with(in: scratch, flags: try flags(scratch, server) + modes) { octavo in
            let follower = try Subprocess(
                Places.python, [Places.script("follow"), "items", "a"], environment: SDKTests.environment(octavo))
            func hear(_ line: String) async throws {
                try await eventually("\(line) in: \(follower.output)\(follower.errors)", within: .seconds(30)) {
                    follower.output.split(separator: "\n").contains { $0 == line } ? () : nil
                }
            }
            func put(_ value: String) async throws {
                let end = try await Subprocess.run(
                    "etcdctl", ["--endpoints", "127.0.0.1:\(server.port)", "put", "items/a", value], environment: ["ETCDCTL_API": "3"])
                #expect(end.code == 0, "\(end)")
            }
            try await hear("subscribed")
            try await put("1")
            try await hear("a=1")
            for round in 2...3 {
                try await server.killed()
                server = try await EtcdServer.start(again: server)
                try await put("\(round)")
                try await hear("a=\(round)")
            }
        }
        try await server.killed()
    }

    // MARK: Who may come

    private func store(_ scratch: Scratch, _ settings: [(String, String)]) throws -> [String] {
        try scratch.write(Resource.component("values", "state.etcd", settings, version: "v2"), to: "resources/all.yaml")
        return ["--resources-path", scratch.file("resources")]
    }

    @Test("TLS with certificates of both sides works, and what is wrong about it is said", arguments: StoresTests.modes)
    func tls(modes: [String]) async throws {
        let certificates = try await Certificates()
        let server = try await EtcdServer.start(certificates: certificates)
        let own = [("endpoints", "127.0.0.1:\(server.port)"), ("tlsEnable", "true")]
        let identity = [("cert", certificates.client), ("key", certificates.clientKey)]
        let scratch = try Scratch()
        let flags = try store(scratch, own + [("ca", certificates.authority)] + identity) + modes
        try await OctavoProcess.with(in: scratch, flags: flags) { (octavo: OctavoProcess) async throws -> Void in
            let save = Curl(method: "POST", path: "/v1.0/state/values", body: #"[{"key":"k","value":"over TLS"}]"#)
            #expect(try await save.send(to: octavo.base).status == 204)
            #expect(try await Curl(path: "/v1.0/state/values/k").send(to: octavo.base).body == #""over TLS""#)
        }
        #expect(try await server.control("get", "--prefix", "/", "--keys-only").contains("k"))
        for (settings, word) in [
            (own + [("ca", certificates.stranger)] + identity, "certificate"), (own + [("ca", certificates.authority)], "certificate"),
            ([("endpoints", "127.0.0.1:\(server.port)")], "127.0.0.1:\(server.port)"),
        ] {
            let other = try Scratch()
            try await OctavoProcess.with(in: other, flags: try store(other, settings) + modes, untilReady: false) { octavo in
                let answer = try await eventually("the cause: \(word)", within: .seconds(20)) {
                    let answer = try await Curl(path: "/v1.0/state/values/k").send(to: octavo.base)
                    return answer.status == 503 && answer.body.contains(word) ? answer : nil
                }
                #expect(answer.body.contains("values"), "\(answer)")
            }
        }
        try await server.killed()
    }

    @Test("A user logs in, again after its token is gone, and a wrong password is said", arguments: StoresTests.modes)
    func login(modes: [String]) async throws {
        var server = try await EtcdServer.start()
        try await server.control("user", "add", "root:secret-1")
        try await server.control("user", "grant-role", "root", "root")
        try await server.control("auth", "enable")
        let scratch = try Scratch()
        let own = [("endpoints", "127.0.0.1:\(server.port)"), ("username", "root")]
        try await OctavoProcess.with(in: scratch, flags: try store(scratch, own + [("password", "secret-1")]) + modes) { octavo in
            let save = Curl(method: "POST", path: "/v1.0/state/values", body: #"[{"key":"k","value":1}]"#)
            #expect(try await save.send(to: octavo.base).status == 204)
            // Tokens are the server's own: another start knows none of them.
            try await server.killed()
            server = try await EtcdServer.start(again: server)
            try await eventually("an answer with a new token", within: .seconds(20)) {
                try await Curl(path: "/v1.0/state/values/k").send(to: octavo.base).body == "1" ? () : nil
            }
            #expect(try await save.send(to: octavo.base).status == 204)
        }
        let other = try Scratch()
        let wrong = try store(other, own + [("password", "secret-2")]) + modes
        try await OctavoProcess.with(in: other, flags: wrong, untilReady: false) { octavo in
            let answer = try await eventually("the refusal", within: .seconds(20)) {
                let answer = try await Curl(path: "/v1.0/state/values/k").send(to: octavo.base)
                return answer.body.contains("username and password") ? answer : nil
            }
            #expect(answer.status >= 400 && !answer.body.contains("secret-2"), "\(answer)")
        }
        try await server.killed()
    }

    @Test(
        "A watch whose revision was compacted tells what is different", .enabled(if: Places.hasSDK, "tools/setup test installs the SDK"),
        arguments: StoresTests.modes)
    func compaction(modes: [String]) async throws {
        var server = try await EtcdServer.start()
        let scratch = try Scratch()
        try await OctavoProcess.with(in: scratch, flags: try flags(scratch, server) + modes) { octavo in
            let follower = try Subprocess(
                Places.python, [Places.script("follow"), "items", "a"], environment: SDKTests.environment(octavo))
            func hear(_ line: String) async throws {
                try await eventually("\(line) in: \(follower.output)\(follower.errors)", within: .seconds(30)) {
                    follower.output.split(separator: "\n").contains { $0 == line } ? () : nil
                }
            }
            try await hear("subscribed")
            try await server.control("put", "items/a", "1")
            try await hear("a=1")
            try await server.killed()
            // On another port, so that all this is done before the watch can come back.
            let port = server.port
            let hidden = try await EtcdServer.start(again: server, on: FreePort.find())
            for number in 2...9 { try await hidden.control("put", "items/a", "\(number)") }
            let status = try await hidden.control("endpoint", "status", "--write-out", "json")
            let revision = try #require(status.split(separator: "\"revision\":").last?.prefix { $0.isNumber })
            try await hidden.control("compact", String(revision))
            try await hidden.killed()
            server = try await EtcdServer.start(again: hidden, on: port)
            try await hear("a=9")
            #expect(!follower.output.contains("a=5"))
            try await server.control("put", "items/a", "10")
            try await hear("a=10")
        }
        try await server.killed()
    }
}
