import Foundation
import JSONText
import Testing

@Suite("A reload under load", .serialized, .enabled(if: Places.hasSDK, "tools/setup test installs a client"))
struct ReloadTests {
    static let value = "a value that is there"

    /// A store whose plugin is reloaded while it works.
    enum Reloaded: String, CaseIterable, Sendable, CustomTestStringConvertible {
        case memory, sqlite, redis
        case fileStore = "file-store"

        var testDescription: String { rawValue }
        var type: String { self == .memory ? "state.in-memory" : "state." + rawValue }
    }

    /// Flags for a runtime with one component `store`, and the server behind it.
    private func prepare(_ plugin: Reloaded, in scratch: Scratch) async throws -> (flags: [String], server: RedisServer?) {
        let server = plugin == .redis ? try await RedisServer.start() : nil
        let settings = server.map { [("redisHost", "127.0.0.1:\($0.port)")] } ?? []
        let file = try scratch.write(Resource.component("store", plugin.type, settings), to: "store.yaml")
        var flags = ["--resources-path", file]
        if plugin == .fileStore {
            try await ExamplePlugin.build(into: scratch.file("plugins"))
            flags += ["--plugins-dir", scratch.file("plugins")]
        }
        return (flags, server)
    }

    private struct Figures: Equatable {
        var mappings: Int
        /// Those of connections to a database's files are counted apart: one more is opened with its reader's first call.
        var descriptors: Int
        var files: [String]
        /// Names of instances' threads. Others are of Swift's pool, which grows and shrinks by itself.
        var threads: [String]

        init(_ process: pid_t) throws {
            let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: "/proc/\(process)/maps"))
            let maps = String(decoding: try file.readToEnd() ?? Data(), as: UTF8.self)
            // Copies of plugins, one folder a generation.
            mappings = maps.split(separator: "\n").count { $0.contains("/data/plugins/") }
            let open = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/fd").compactMap { descriptor in
                try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(process)/fd/\(descriptor)")
            }
            files = open.filter { $0.contains(".db") }.sorted()
            descriptors = open.count - files.count
            threads = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/task").compactMap { task in
                // One may end between the two.
                try? String(contentsOfFile: "/proc/\(process)/task/\(task)/comm", encoding: .utf8)
            }.filter { $0.hasPrefix("oct-") }.sorted()
        }
    }

    /// Clients that read and write over both wires until they are stopped.
    struct Load {
        let readers: Subprocess
        let others: [Subprocess]
        private let log: Scratch

        /// `rate`: reads a second over HTTP; nil for as many as there can be.
        init(_ octavo: OctavoProcess, rate: Int? = nil) throws {
            log = try Scratch()
            readers = try Subprocess(
                "h2load",
                ["-c", "4", "-m", "4", "-t", "1", "-D", "300", "--log-file=\(log.file("requests"))"]
                    + (rate.map { ["--rps=\($0 / 4)"] } ?? []) + [octavo.base + "/v1.0/state/store/key"])
            let environment = ["PYTHONDONTWRITEBYTECODE": "1"]
            others = [
                try Subprocess(
                    Places.python, [Places.script("load"), "\(octavo.grpc)", "store", "key", ReloadTests.value], environment: environment),
                try Subprocess(Places.python, [Places.script("writes"), "\(octavo.grpc)", "store"], environment: environment),
            ]
        }

        /// Throws when a client is no longer at work.
        func check() throws {
            for client in [readers] + others where client.code != nil {
                throw Trouble("a client ended early with \(client.code ?? 0): \(client.output)\(client.errors)")
            }
        }

        func begun() async throws {
            try await eventually("the clients' first requests") {
                try check()
                return others.allSatisfy { $0.output.contains("started") } && !log.read("requests").isEmpty ? () : nil
            }
        }

        /// Stops the clients, expects that none of their requests failed, and gives how many there were.
        func stopped() async throws -> (reads: Int, calls: Int) {
            readers.kill(SIGINT)
            for client in others { client.kill(SIGTERM) }
            _ = try await readers.ended()
            var calls = 0
            for client in others {
                let end = try await client.ended()
                #expect(end.code == 0, "\(end.output)\(end.errors)")
                calls += end.output.split(separator: "\n").last.flatMap { Int($0) } ?? 0
            }
            // Each line of the log is a request: start, HTTP status, microseconds.
            let lines = log.read("requests").split(separator: "\n")
            let failed = lines.filter { $0.split(separator: "\t").dropFirst().first != "200" }
            #expect(failed.isEmpty, "\(failed.count) of \(lines.count) failed: \(failed.prefix(3))")
            return (lines.count, calls)
        }
    }

    private func noConnections(_ octavo: OctavoProcess) async throws {
        try await eventually("the end of the clients' connections") {
            try await octavo.json("status")["openConnections"]?.integer == 0 ? () : nil
        }
    }

    @Test("fails no request and loses no write in fifty reloads, and leaves no old code behind", arguments: Reloaded.allCases)
    func fiftyReloads(plugin: Reloaded) async throws {
        let scratch = try Scratch()
        let (flags, server) = try await prepare(plugin, in: scratch)
        try await OctavoProcess.with(in: scratch, flags: flags) { octavo in
            #expect(try await octavo.octavo("state", "set", "store", "key", Self.value).code == 0)
            _ = try await octavo.json("plugin", "reload", plugin.rawValue)
            // Writers and readers of a store open their files with their first call: all have had one when it counts.
            #expect(try await octavo.octavo("state", "set", "store", "key", Self.value).code == 0)
            let warm = try Subprocess("h2load", ["-c", "4", "-m", "16", "-t", "1", "-n", "4000", octavo.base + "/v1.0/state/store/key"])
            #expect(try await warm.ended().code == 0)
            try await noConnections(octavo)
            let before = try Figures(octavo.process.processID)

            let load = try Load(octavo)
            try await load.begun()
            let start = ContinuousClock.now
            for _ in 1..<50 {
                _ = try await octavo.json("plugin", "reload", plugin.rawValue)
                try load.check()
            }
            let took = ContinuousClock.now - start
            let (reads, calls) = try await load.stopped()
            #expect(try await octavo.json("status")["errors"]?.integer == 0)
            let rate = Double(reads + calls) / (took / .seconds(1))
            print("\(plugin.rawValue): 49 reloads in \(took), \(reads + calls) calls, \(Int(rate)) each second")
            #expect(reads > 1_000 && rate > 1_000)

            let after = try await eventually("the old generations' end") { () async throws -> JSONValue? in
                let found = try await octavo.json("plugin", "describe", plugin.rawValue)["summary"]
                return found?["oldGenerations"]?.array?.isEmpty == true ? found : nil
            }
            #expect(after["generation"]?.integer == 51)
            try await noConnections(octavo)
            #expect(before.mappings > 0)
            // Threads of the last instance end a moment after it.
            var now = before
            try await eventually("\(before) again, it is \(now)") {
                now = try Figures(octavo.process.processID)
                // The database, its log and the index of the log: no thread has more of them open than these three.
                return now.mappings == before.mappings && now.threads == before.threads && now.descriptors <= before.descriptors
                    && now.files.count <= 3 * now.threads.count && !now.files.contains { $0.hasSuffix(" (deleted)") } ? () : nil
            }
            #expect(try await octavo.octavo("state", "get", "store", "key").output == Self.value)
        }
        try await server?.killed()
    }

    @Test(
        "of a release fails nothing at 10,000 calls a second", .enabled(if: Places.release != nil, "there is no release build"),
        arguments: Reloaded.allCases)
    func tenThousand(plugin: Reloaded) async throws {
        let wanted = 10_000
        let scratch = try Scratch()
        let (flags, server) = try await prepare(plugin, in: scratch)
        try await OctavoProcess.with(in: scratch, flags: flags, executable: Places.release ?? "") { octavo in
            #expect(try await octavo.octavo("state", "set", "store", "key", Self.value).code == 0)
            let load = try Load(octavo, rate: wanted)
            try await load.begun()
            let start = ContinuousClock.now
            for _ in 0..<50 {
                _ = try await octavo.json("plugin", "reload", plugin.rawValue)
                try load.check()
            }
            let took = ContinuousClock.now - start
            let (reads, calls) = try await load.stopped()
            let rate = Double(reads + calls) / (took / .seconds(1))
            print("\(plugin.rawValue): 50 reloads in \(took), \(reads) reads and \(calls) other calls, \(Int(rate)) each second")
            #expect(rate > Double(wanted) * 0.9)
            #expect(try await octavo.json("status")["errors"]?.integer == 0)
        }
        try await server?.killed()
    }
}
