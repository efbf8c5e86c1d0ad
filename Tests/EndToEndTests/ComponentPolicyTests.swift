import Foundation
import JSONText
import Testing

@Suite("Calls of components follow policies", .serialized, .enabled(if: Places.hasSDK, "tools/setup test installs Python"))
struct ComponentPolicyTests {
    private func with(_ components: [String], _ rules: String, _ body: (OctavoProcess, Scratch) async throws -> Void) async throws {
        let scratch = try Scratch()
        try scratch.write(components.joined(separator: "---\n"), to: "resources/all.yaml")
        try write(rules, scratch)
        try await OctavoProcess.with(in: scratch, flags: ["--resources-path", scratch.file("resources")]) { try await body($0, scratch) }
    }

    private func write(_ rules: String, _ scratch: Scratch) throws {
        try scratch.write("apiVersion: dapr.io/v1alpha1\nkind: Resiliency\nmetadata: {name: rules}\nspec:\n" + rules + "\n", to: "resources/rules.yaml")
    }

    private func invoke(_ binding: String, _ octavo: OctavoProcess, seconds: Int = 20) async throws -> Curl.Answer {
        try await Curl(method: "POST", path: "/v1.0/bindings/\(binding)", body: #"{"operation":"get"}"#).send(to: octavo.base, seconds: seconds)
    }

    private func seen(_ app: Subprocess) -> Int { app.output.split(separator: "\n").count - 1 }

    private func summary(_ target: String, _ octavo: OctavoProcess) async throws -> JSONValue? {
        try await octavo.json("policy", "list")["policies"]?.array?.first { $0["target"]?.string == target }
    }

    @Test("what fails every other time succeeds by retries, and an error of the request is not tried again")
    func retries() async throws {
        let fleet = try Fleet()
        let plain = try await fleet.bare("flaky"), governed = try await fleet.bare("flaky")
        func web(_ name: String, _ port: Int) -> String { Resource.component(name, "bindings.http", [("url", "http://127.0.0.1:\(port)/")]) }
        let rules = """
              policies: {retries: {twice: {duration: 10ms, maxRetries: 2}}}
              targets: {components: {governed: {outbound: {retry: twice}}, store: {outbound: {retry: twice}}}}
            """
        try await with([web("plain", plain.port), web("governed", governed.port), Resource.component("store", "state.in-memory")], rules) { octavo, _ in
            var without = 0, with = 0
            for _ in 0..<20 {
                if try await invoke("plain", octavo).status != 200 { without += 1 }
                if try await invoke("governed", octavo).status != 200 { with += 1 }
            }
            print("every other request of an HTTP binding fails: of 20 calls \(without) fail without a policy, \(with) with one")
            #expect(without == 10 && with == 0 && seen(governed.app) == 40)
            let found = try #require(try await summary("component/governed/outbound", octavo))
            #expect(found["calls"]?.integer == 20 && found["retries"]?.integer == 20 && found["failures"]?.integer == 20, "\(found)")
            // An etag that does not match is no failure of the store.
            let save = Curl(method: "POST", path: "/v1.0/state/store", body: #"[{"key":"a","value":1,"etag":"17"}]"#)
            #expect(try await save.send(to: octavo.base).status == 409)
            let store = try #require(try await summary("component/store/outbound", octavo))
            #expect(store["attempts"]?.integer == 1 && store["retries"]?.integer == 0 && store["failures"]?.integer == 0, "\(store)")
        }
        withExtendedLifetime(fleet) {}
    }

    @Test("a circuit breaker spares a server that is down, and lets calls through when it is back")
    func breaker() async throws {
        var server = try await RedisServer.start()
        let rules = """
              policies: {circuitBreakers: {trips: {trip: consecutiveFailures >= 3, timeout: 2s}}}
              targets: {components: {remote: {outbound: {circuitBreaker: trips}}}}
            """
        let redis = Resource.component("remote", "state.redis", [("redisHost", "127.0.0.1:\(server.port)")])
        try await with([redis], rules) { octavo, _ in
            let get = Curl(path: "/v1.0/state/remote/a")
            #expect(try await get.send(to: octavo.base).status == 204)
            try await server.killed()
            let refused = try await eventually("the breaker opens", within: .seconds(20)) {
                let answer = try await get.send(to: octavo.base)
                return answer.body.contains("circuit breaker is open") ? answer : nil
            }
            #expect(refused.status == 503 && refused.body.contains("policy explain component/remote"), "\(refused)")
            let found = try #require(try await summary("component/remote/outbound", octavo))
            #expect(found["breaker"]?.string == "open" && found["breakerOpenings"]?.integer == 1, "\(found)")
            let page = try await Curl(path: "/").send(to: "http://127.0.0.1:\(octavo.metrics)").body
            #expect(page.contains(#"octavo_policy_breaker_state{target="component/remote/outbound"} 1"#))
            server = try await RedisServer.start(port: server.port)
            try await eventually("it closes again", within: .seconds(30)) { () -> Void? in
                let status = try await get.send(to: octavo.base).status
                guard status == 204, try await summary("component/remote/outbound", octavo)?["breaker"]?.string == "closed" else { return nil }
                return ()
            }
        }
        try await server.killed()
    }

    @Test("a timeout ends what a frozen server does not answer, and retries reach it when it goes on")
    func timeout() async throws {
        let server = try await RedisServer.start()
        let rules = """
              policies: {timeouts: {short: 300ms}, retries: {many: {duration: 50ms, maxRetries: 100}, one: {duration: 50ms, maxRetries: 1}}}
              targets: {components: {patient: {outbound: {timeout: short, retry: many}}, brief: {outbound: {timeout: short, retry: one}}}}
            """
        let settings = [("redisHost", "127.0.0.1:\(server.port)")]
        try await with([Resource.component("patient", "state.redis", settings), Resource.component("brief", "state.redis", settings)], rules) { octavo, _ in
            let save = Curl(method: "POST", path: "/v1.0/state/patient", body: #"[{"key":"a","value":"kept"}]"#)
            #expect(try await save.send(to: octavo.base).status == 204)
            #expect(try await Curl(path: "/v1.0/state/brief/b").send(to: octavo.base).status == 204)
            server.signal(SIGSTOP)
            let start = ContinuousClock.now
            let late = try await Curl(path: "/v1.0/state/brief/a").send(to: octavo.base)
            #expect(late.status != 200 && late.status != 204 && ContinuousClock.now - start < .seconds(5), "\(late)")
            #expect(try await summary("component/brief/outbound", octavo)?["timeouts"]?.integer == 2)
            async let answer = Curl(path: "/v1.0/state/patient/a").send(to: octavo.base, seconds: 30)
            try await eventually("it is tried again") {
                (try await summary("component/patient/outbound", octavo)?["retries"]?.integer ?? 0) >= 2 ? () : nil
            }
            server.signal(SIGCONT)
            let found = try await answer
            #expect(found.status == 200 && found.body == #""kept""#, "\(found)")
        }
        try await server.killed()
    }

    @Test("a bulkhead has so many under way and waiting, a rate limit so many in a time, and both can be changed while it runs")
    func limits() async throws {
        let fleet = try Fleet()
        let slow = try await fleet.bare("slow")
        let rules = """
              policies: {bulkheads: {two: {maxConcurrent: 2, maxQueued: 2}}, rateLimits: {few: {requests: 2, interval: 1h}}}
              targets: {components: {slow: {outbound: {bulkhead: two}}, store: {outbound: {rateLimit: few}}}}
            """
        let components = [
            Resource.component("slow", "bindings.http", [("url", "http://127.0.0.1:\(slow.port)/")]), Resource.component("store", "state.in-memory"),
        ]
        try await with(components, rules) { octavo, scratch in
            let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<8 { group.addTask { try await invoke("slow", octavo).status } }
                var all: [Int] = []
                for try await one in group { all.append(one) }
                return all
            }
            #expect(statuses.count { $0 == 200 } == 4 && seen(slow.app) == 4, "\(statuses)")
            let get = Curl(path: "/v1.0/state/store/a")
            for expected in [204, 204, 429] {
                let answer = try await get.send(to: octavo.base)
                #expect(answer.status == expected, "\(answer)")
            }
            let before = try await octavo.json("policy", "explain", "component/store")
            #expect(before["steps"]?.array?.first?["name"]?.string == "few", "\(before)")
            try write("  policies: {timeouts: {DefaultStatestoreComponentOutboundTimeoutPolicy: 7s}}", scratch)
            try await eventually("the change is taken in", within: .seconds(20)) { try await get.send(to: octavo.base).status == 204 ? () : nil }
            let after = try await octavo.octavo("policy", "explain", "component/store/outbound").output
            #expect(after.contains("DefaultStatestoreComponentOutboundTimeoutPolicy") && after.contains("7s") && after.contains("rules.yaml"), "\(after)")
        }
        withExtendedLifetime(fleet) {}
    }
}
