import Foundation
import Testing

@Suite("Locks and configuration, through the Dapr SDK", .serialized, .enabled(if: Places.hasSDK, "tools/setup test installs it"))
struct StoresTests {
    /// Where the plugins run.
    static let modes = [[], ["--isolate", "all"]]

    private func run(_ arguments: [String], _ octavo: OctavoProcess) async throws {
        let end = try await Subprocess.run(
            Places.python, [Places.script("stores")] + arguments, environment: SDKTests.environment(octavo))
        guard end.code == 0 else { throw Trouble("stores.py \(arguments) ended with \(end.code):\n\(end.output)\(end.errors)") }
        print(end.output, terminator: "")
    }

    /// Resources of both kinds on a Redis server and an SQLite file.
    private func resources(_ scratch: Scratch, redis: Int) throws -> [String] {
        let all = [
            Resource.component("redislocks", "lock.redis", [("redisHost", "127.0.0.1:\(redis)")]),
            Resource.component("redisconfig", "configuration.redis", [("redisHost", "127.0.0.1:\(redis)")]),
            Resource.component("filelocks", "lock.sqlite", [("connectionString", scratch.file("locks.db"))]),
            Resource.component("fileconfig", "configuration.file", [("file", scratch.file("items.json"))]),
        ]
        try scratch.write("{}", to: "items.json")
        try scratch.write(all.joined(separator: "---\n"), to: "resources/all.yaml")
        return ["--resources-path", scratch.file("resources")]
    }

    @Test("The embedded defaults lock and configure", arguments: modes)
    func embedded(flags: [String]) async throws {
        let scratch = try Scratch()
        try await OctavoProcess.with(in: scratch, flags: flags) { octavo in
            try await run(["locks", "lockstore", "fencing"], octavo)
            try await run(["configuration", "configstore", "http"], octavo)
            let database = try #require(
                FileManager.default.enumerator(atPath: scratch.file("data"))?.compactMap { $0 as? String }
                    .first { $0.hasSuffix("configuration.db") })
            try await run(["configuration", "configstore", "sqlite:" + scratch.file("data/" + database)], octavo)
        }
    }

    @Test("Redis and a file do", arguments: modes)
    func servers(flags: [String]) async throws {
        let server = try await RedisServer.start()
        let scratch = try Scratch()
        try await OctavoProcess.with(in: scratch, flags: try resources(scratch, redis: server.port) + flags) { octavo in
            try await run(["locks", "redislocks"], octavo)
            try await run(["configuration", "redisconfig", "redis:\(server.port)"], octavo)
            try await run(["configuration", "redisconfig", "http"], octavo)
            try await run(["configuration", "fileconfig", "file:" + scratch.file("items.json")], octavo)
        }
        try await server.killed()
    }

    @Test("A table of PostgreSQL does", arguments: modes)
    func table(flags: [String]) async throws {
        let server = try await PostgreSQLServer.start()
        let scratch = try Scratch()
        try scratch.write(
            Resource.component("table", "configuration.postgresql", [("connectionString", server.connectionString), ("table", "items")]),
            to: "resources/all.yaml")
        try await OctavoProcess.with(in: scratch, flags: ["--resources-path", scratch.file("resources")] + flags) { octavo in
            try await run(["configuration", "table", "postgresql:\(server.port)"], octavo)
            try await run(["configuration", "table", "http"], octavo)
        }
    }

    @Test("etcd does", arguments: modes)
    func cluster(flags: [String]) async throws {
        let server = try await EtcdServer.start()
        let scratch = try Scratch()
        let endpoints = [("endpoints", "127.0.0.1:\(server.port)")]
        let all = [
            Resource.component("etcdlocks", "lock.etcd", endpoints + [("keyPrefixPath", "locks")]),
            Resource.component("etcdconfig", "configuration.etcd", endpoints + [("keyPrefixPath", "items")]),
        ]
        try scratch.write(all.joined(separator: "---\n"), to: "resources/all.yaml")
        try await OctavoProcess.with(in: scratch, flags: ["--resources-path", scratch.file("resources")] + flags) { octavo in
            try await run(["locks", "etcdlocks", "fencing"], octavo)
            try await run(["configuration", "etcdconfig", "etcd:\(server.port)"], octavo)
            try await run(["configuration", "etcdconfig", "http"], octavo)
        }
        try await server.killed()
    }

    @Test("Of fifty that want a lock through two runtimes one has it, also when its runtime dies", arguments: ["redislocks", "filelocks", "etcdlocks"])
    func contenders(store: String) async throws {
        let server = try await RedisServer.start()
        let scratch = try Scratch()
        let flags = try resources(scratch, redis: server.port)
        var etcd: EtcdServer?
        if store == "etcdlocks" {
            let started = try await EtcdServer.start()
            etcd = started
            try scratch.write(
                Resource.component("etcdlocks", "lock.etcd", [("endpoints", "127.0.0.1:\(started.port)")]), to: "resources/etcd.yaml")
        }
        let one = try await OctavoProcess.start(in: try Scratch(), flags: flags)
        try await OctavoProcess.with(in: try Scratch(), flags: flags) { other in
            let end = try await Subprocess.run(
                Places.python,
                [Places.script("contend"), store, "\(one.grpc)", "\(other.grpc)", "\(one.process.processID)"],
                environment: SDKTests.environment(other), within: .seconds(90))
            #expect(end.code == 0, "\(end.output)\(end.errors)")
            print(end.output, terminator: "")
        }
        try await one.killed()
        try await server.killed()
        try await etcd?.killed()
        withExtendedLifetime(scratch) {}
    }
}
