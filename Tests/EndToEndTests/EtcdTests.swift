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
