import Foundation
import JSONText
import Testing

@Suite("A component with a server behind it", .serialized)
struct RedisTests {
    private func resources(_ scratch: Scratch, port: Int, extra: [String] = []) throws -> [String] {
        let redis = Resource.component(
            "remote", "state.redis", [("redisHost", "127.0.0.1:\(port)"), ("redisPassword", "")], extra: extra)
        try scratch.write(redis + "---\n" + Resource.component("local", "state.in-memory"), to: "resources/all.yaml")
        return ["--resources-path", scratch.file("resources")]
    }

    @Test("The Dapr SDK's script runs on it, too", .enabled(if: Places.hasSDK, "tools/setup test installs it"))
    func sdk() async throws {
        let server = try await RedisServer.start()
        let scratch = try Scratch()
        try await OctavoProcess.with(in: scratch, flags: try resources(scratch, port: server.port)) { octavo in
            try await SDKTests.run("state", ["remote"], octavo)
        }
        try await server.killed()
    }

    @Test("is UNAVAILABLE while the server is gone, and comes back with it")
    func outage() async throws {
        var server = try await RedisServer.start()
        let scratch = try Scratch()
        try await OctavoProcess.with(in: scratch, flags: try resources(scratch, port: server.port)) { octavo in
            let get = Curl(path: "/v1.0/state/remote/a")
            let save = Curl(method: "POST", path: "/v1.0/state/remote", body: #"[{"key":"a","value":1}]"#)
            #expect(try await save.send(to: octavo.base).status == 204)
            for round in 1...2 {
                try await server.killed()
                let refused = try await eventually("an error of the lost server", within: .seconds(5)) {
                    let answer = try await get.send(to: octavo.base)
                    return answer.status == 200 ? nil : answer
                }
                #expect(refused.status == 503, "\(refused)")
                #expect(refused.json?["errorCode"]?.string == "ERR_STATE_GET")
                #expect(refused.json?["message"]?.string?.contains("127.0.0.1:\(server.port)") == true, "\(refused.body)")
                let start = ContinuousClock.now
                #expect(try await save.send(to: octavo.base).status == 503)
                #expect(ContinuousClock.now - start < .seconds(2), "a lost server's error has to come at once")
                #expect(try await Curl(path: "/v1.0/state/local/a").send(to: octavo.base).status == 204)

                server = try await RedisServer.start(port: server.port)
                try await eventually("the recovery of round \(round)", within: .seconds(20)) {
                    try await save.send(to: octavo.base).status == 204 ? () : nil
                }
                #expect(try await get.send(to: octavo.base).body == "1")
            }
            let component = try await octavo.json("component", "describe", "remote")["summary"]
            #expect(component?["generation"]?.integer == 1)
            #expect(component?["state"]?.string == "ready")
        }
        try await server.killed()
    }

    @Test("that never answers its connections keeps nobody else waiting")
    func blackHole() async throws {
        let hole = try ListeningSocket(backlog: 1).filled()
        let scratch = try Scratch()
        let flags = try resources(scratch, port: hole.port, extra: ["initTimeout: 20s"])
        try await OctavoProcess.with(in: scratch, flags: flags, untilReady: false) { octavo in
            let get = Curl(path: "/v1.0/state/local/a")
            try await eventually("the local component") {
                try await get.send(to: octavo.base).status == 204 ? () : nil
            }
            let components = try await octavo.json("component", "list")["components"]?.array ?? []
            #expect(components.first { $0["name"]?.string == "remote" }?["state"]?.string == "starting")
            // The best of a few by curl's own clock: a loaded machine may be slow to start it, the runtime may not be.
            let timed = try await Subprocess.run(
                "curl", ["-sS", "-w", "%{http_code} %{time_total}\n"] + [String](repeating: octavo.base + get.path, count: 10))
            let answers = timed.output.split(separator: "\n").map { $0.split(separator: " ") }
            #expect(answers.count == 10 && answers.allSatisfy { $0.first == "204" }, "\(timed)")
            #expect((answers.compactMap { $0.last.flatMap { Double($0) } }.min() ?? 1) < 0.1, "\(timed)")
            let health = try await Curl(path: "/v1.0/healthz").send(to: octavo.base)
            #expect(health.status == 500)
            #expect(health.json?["message"]?.string?.contains("component remote") == true, "\(health.body)")
            let status = try await octavo.octavo("status", "--json")
            #expect(status.code == 1 && status.output.contains("component remote"), "\(status)")
            let asked = try await Curl(path: "/v1.0/state/remote/a").send(to: octavo.base)
            #expect(asked.status == 503 || asked.status == 500, "\(asked)")
        }
        withExtendedLifetime(hole) {}
    }
}
