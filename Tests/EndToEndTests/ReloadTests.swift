import Foundation
import JSONText
import Testing

@Suite("A reload under load", .serialized)
struct ReloadTests {
    private static let value = "a value that is there"

    private struct Figures {
        var mappings: Int
        var descriptors: Int
        var threads: Int

        init(_ process: pid_t) throws {
            let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: "/proc/\(process)/maps"))
            let maps = String(decoding: try file.readToEnd() ?? Data(), as: UTF8.self)
            mappings = maps.split(separator: "\n").count { $0.contains("liboctavo-plugin-") }
            descriptors = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/fd").count
            threads = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/task").count
        }
    }

    @Test("fails no request in fifty reloads, and leaves no old code behind", .enabled(if: Places.hasSDK, "tools/setup test installs a client"),
          arguments: ["sqlite", "redis", "memory"])
    func fiftyReloads(plugin: String) async throws {
        let scratch = try Scratch()
        let server = plugin == "redis" ? try await RedisServer.start() : nil
        let settings = server.map { [("redisHost", "127.0.0.1:\($0.port)")] } ?? []
        let file = try scratch.write(Resource.component("store", plugin == "memory" ? "state.in-memory" : "state." + plugin, settings), to: "store.yaml")
        try await OctavoProcess.with(in: scratch, flags: ["--resources-path", file]) { octavo in
            #expect(try await octavo.octavo("state", "set", "store", "key", Self.value).code == 0)
            _ = try await octavo.json("plugin", "reload", plugin)
            // Each of a store's readers opens its files with its first call: all have had one when it counts.
            let warm = try Subprocess("h2load", ["-c", "4", "-m", "16", "-t", "1", "-n", "4000", octavo.base + "/v1.0/state/store/key"])
            #expect(try await warm.ended().code == 0)
            try await eventually("the end of the client's connections") {
                try await octavo.json("status")["openConnections"]?.integer == 0 ? () : nil
            }
            let before = try Figures(octavo.process.processID)

            // Both last longer than the reloads do, and are stopped after them.
            let http = try Subprocess(
                "h2load",
                [
                    "-c", "4", "-m", "4", "-t", "1", "-D", "300", "--log-file=\(scratch.file("load"))",
                    octavo.base + "/v1.0/state/store/key",
                ])
            let grpc = try Subprocess(
                Places.python, [Places.script("load"), "\(octavo.grpc)", "store", "key", Self.value],
                environment: ["PYTHONDONTWRITEBYTECODE": "1"])
            let start = ContinuousClock.now
            for _ in 1..<50 {
                _ = try await octavo.json("plugin", "reload", plugin)
                for load in [http, grpc] where load.code != nil {
                    throw Trouble("a client ended early with \(load.code ?? 0): \(load.output)\(load.errors)")
                }
            }
            let took = ContinuousClock.now - start
            http.kill(SIGINT)
            grpc.kill(SIGTERM)
            let end = try await grpc.ended()
            _ = try await http.ended()
            #expect(try await octavo.json("status")["errors"]?.integer == 0)
            #expect(end.code == 0, "\(end.output)\(end.errors)")

            // Each line of the log is a request: start, HTTP status, microseconds.
            let lines = scratch.read("load").split(separator: "\n")
            let failed = lines.filter { $0.split(separator: "\t").dropFirst().first != "200" }
            #expect(lines.count > 1_000 && failed.isEmpty, "\(failed.count) of \(lines.count) failed: \(failed.prefix(3))")
            let count = lines.count + (end.output.split(separator: "\n").last.flatMap { Int($0) } ?? 0)
            let rate = Double(count) / (took / .seconds(1))
            print("\(plugin): 49 reloads in \(took), \(count) calls, \(Int(rate)) each second")
            #expect(rate > 1_000)

            let after = try await eventually("the old generations' end") { () async throws -> JSONValue? in
                let found = try await octavo.json("plugin", "describe", plugin)["summary"]
                return found?["oldGenerations"]?.array?.isEmpty == true ? found : nil
            }
            #expect(after["generation"]?.integer == 51)
            try await eventually("the clients' connections' end") {
                try await octavo.json("status")["openConnections"]?.integer == 0 ? () : nil
            }
            let last = try Figures(octavo.process.processID)
            #expect(last.mappings == before.mappings && before.mappings > 0)
            #expect(last.descriptors <= before.descriptors)
            #expect(last.threads == before.threads)
            #expect(try await octavo.octavo("state", "get", "store", "key").output == Self.value)
        }
        try await server?.killed()
    }
}
