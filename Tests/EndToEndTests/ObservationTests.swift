import Foundation
import JSONText
import Testing

@Suite("An operator sees requests, load and log", .serialized, .enabled(if: Places.hasSDK, "tools/setup test installs the SDK"))
struct ObservationTests {
    private func configuration(_ scratch: Scratch, _ spec: String) throws -> [String] {
        try scratch.write("apiVersion: dapr.io/v1alpha1\nkind: Configuration\nmetadata:\n  name: seen\nspec:\n\(spec)", to: "config.yaml")
        return ["--config", scratch.file("config.yaml")]
    }

    private func stage(_ name: String, _ trace: JSONValue) -> Int {
        Int(trace["stages"]?.array?.first { $0["name"]?.string == name }?["nanoseconds"]?.integer ?? 0)
    }

    private func run(_ octavo: OctavoProcess, _ arguments: String...) async throws -> Subprocess.Result {
        try await Subprocess.run(Places.octavo, arguments + ["--admin-socket", octavo.adminSocket])
    }

    @Test("trace shows slow and failed requests, and where their time went")
    func trace() async throws {
        let scratch = try Scratch()
        let app = try await SubscriberApp.start(script: "invoked_app", ["http", "0"])
        let flags = try configuration(scratch, "  tracing:\n    slowRequest: 200ms\n")
        try await OctavoProcess.with(in: scratch, flags: ["--app-port", "\(app.port)"] + flags) { octavo in
            let none = try await run(octavo, "trace")
            #expect(none.code == 0 && none.output.contains("200 ms"), "\(none.output)")
            let id = String(repeating: "a", count: 31) + "1"
            let slow = try await Curl(
                method: "POST", path: "/v1.0/invoke/demo/method/slow/0.4", headers: ["traceparent: 00-\(id)-b7ad6b7169203331-00", "x-key: secret-of-mine"],
                body: "payload-of-mine"
            ).send(to: octavo.base)
            #expect(slow.status == 200)
            let failed = try await Curl(path: "/v1.0/state/nope/a?metadata.x=secret-of-mine").send(to: octavo.base)
            #expect(failed.status == 400)
            _ = try await Curl(path: "/v1.0/state/statestore/a").send(to: octavo.base)
            let all = try await octavo.json("trace")["traces"]?.array ?? []
            #expect(all.count == 2, "\(all)")
            let one = try #require(try await octavo.json("trace", "--slow")["traces"]?.array?.first)
            #expect(one["traceID"]?.string == id && one["target"]?.string == "demo" && one["failed"]?.bool == false)
            // The app slept for 400 ms; a busy machine adds to that, and to nothing else so much.
            #expect(stage("app", one) >= 390_000_000 && stage("runtime", one) < 300_000_000, "\(one)")
            let stages = one["stages"]?.array?.reduce(0) { $0 + Int($1["nanoseconds"]?.integer ?? 0) } ?? 0
            #expect(stages == Int(one["nanoseconds"]?.integer ?? -1))
            let other = try #require(try await octavo.json("trace", "--failed")["traces"]?.array?.first)
            #expect(other["code"]?.string == "400" && other["name"]?.string == "/v1.0/state/nope/a")
            let text = try await run(octavo, "trace", "--id", id)
            #expect(text.code == 0 && text.output.contains("app") && text.output.contains(id))
            let missing = try await run(octavo, "trace", "--id", "ffff")
            #expect(missing.code == 1 && missing.errors.contains("ffff"))
            let everything = try await run(octavo, "trace").output + run(octavo, "trace", "--json").output
            #expect(!everything.contains("of-mine") && everything.contains(id))
        }
    }

    @Test("a slow component is named with the time that it took")
    func component() async throws {
        let server = try await RedisServer.start()
        let scratch = try Scratch()
        try scratch.write(Resource.component("store", "state.redis", [("redisHost", "127.0.0.1:\(server.port)")]), to: "resources/store.yaml")
        let flags = try configuration(scratch, "  tracing:\n    slowRequest: 200ms\n") + ["--resources-path", scratch.file("resources")]
        try await OctavoProcess.with(in: scratch, flags: flags) { octavo in
            let pause = try await Subprocess.run("redis-cli", ["-p", "\(server.port)", "CLIENT", "PAUSE", "4000", "ALL"])
            #expect(pause.code == 0)
            _ = try await Curl(path: "/v1.0/state/store/a").send(to: octavo.base)
            let one = try #require(try await octavo.json("trace", "--slow")["traces"]?.array?.first)
            #expect(one["target"]?.string == "store" && stage("component", one) > 200_000_000, "\(one)")
        }
    }

    private func slow(_ octavo: OctavoProcess) async throws -> JSONValue {
        try #require(try await octavo.json("trace", "--slow")["traces"]?.array?.first)
    }

    @Test("what policies wait for is told apart from what they wait with, and tries are counted")
    func policies() async throws {
        let fleet = try Fleet()
        try await fleet.app("flaky", "flaky")
        try await fleet.app("late", "slow")
        let web = try await fleet.bare("flaky")
        try fleet.scratch.write(Resource.component("web", "bindings.http", [("url", "http://127.0.0.1:\(web.port)/")]), to: "caller/all.yaml")
        let caller = try await fleet.caller("caller", """
              policies:
                retries: {again: {duration: 400ms, maxRetries: 2}}
                bulkheads: {one: {maxConcurrent: 1, maxQueued: 4}}
              targets:
                apps: {flaky: {retry: again}, late: {bulkhead: one}}
                components: {web: {outbound: {retry: again}}}
            """)
        for app in ["flaky", "late"] {
            try await eventually("\(app) is known") {
                try await Curl(path: "/v1.0/invoke/\(app)/method/a").send(to: caller.base).status == 200 ? () : nil
            }
        }
        // Every other request fails: of two one has a pause.
        func held(_ name: String, _ send: () async throws -> Void) async throws -> JSONValue {
            try await eventually(name) {
                try await send()
                let one = try await slow(caller)
                return one["retries"]?.integer == 1 && one["name"]?.string?.contains(name) == true ? one : nil
            }
        }
        let call = try await held("/invoke/flaky") { _ = try await Curl(path: "/v1.0/invoke/flaky/method/a").send(to: caller.base) }
        #expect(stage("policies", call) >= 390_000_000 && stage("peer", call) > 0, "\(call)")
        let component = try await held("/bindings/web") {
            _ = try await Curl(method: "POST", path: "/v1.0/bindings/web", body: #"{"operation":"get"}"#).send(to: caller.base)
        }
        #expect(stage("policies", component) >= 390_000_000 && stage("component", component) > 0, "\(component)")
        let text = try await run(caller, "trace", "--id", component["traceID"]?.string ?? "").output
        #expect(text.contains("policies") && text.contains("retries"), "\(text)")
        // Of two at once one waits for the other, which takes three seconds.
        async let first = Curl(path: "/v1.0/invoke/late/method/a").send(to: caller.base)
        async let second = Curl(path: "/v1.0/invoke/late/method/a").send(to: caller.base)
        #expect(try await [first.status, second.status] == [200, 200])
        let waited = try await caller.json("trace", "--slow")["traces"]?.array?.prefix(2).map { stage("policies", $0) } ?? []
        #expect((waited.max() ?? 0) >= 2_000_000_000 && (waited.min() ?? 0) < 1_000_000_000, "\(waited)")
        for one in try await caller.json("trace")["traces"]?.array ?? [] {
            let stages = one["stages"]?.array?.reduce(0) { $0 + Int($1["nanoseconds"]?.integer ?? 0) } ?? 0
            #expect(stages == Int(one["nanoseconds"]?.integer ?? -1), "\(one)")
        }
        withExtendedLifetime(fleet) {}
    }

    @Test("top shows what APIs, components and the app do")
    func top() async throws {
        let scratch = try Scratch()
        try scratch.write(Resource.component("bus", "pubsub.in-memory"), to: "resources/bus.yaml")
        try scratch.write(Resource.component("statestore", "state.in-memory"), to: "resources/state.yaml")
        let app = try await SubscriberApp.start("http")
        try await OctavoProcess.with(in: scratch, flags: ["--app-port", "\(app.port)", "--resources-path", scratch.file("resources")]) { octavo in
            for _ in 0..<8 { _ = try await Curl(path: "/v1.0/state/statestore/a").send(to: octavo.base) }
            _ = try await Curl(path: "/v1.0/state/nope/a").send(to: octavo.base)
            let body = Curl(method: "POST", path: "/v1.0/publish/bus/plain", headers: ["content-type: application/json"], body: "\"x\"")
            _ = try await body.send(to: octavo.base)
            let rows = try await eventually("the app has been called") { () -> [JSONValue]? in
                let rows = try await octavo.json("top", "--once", "--interval", "100ms")["rows"]?.array ?? []
                return rows.contains { $0["group"]?.string == "app" } ? rows : nil
            }
            func row(_ group: String, _ name: String) throws -> JSONValue {
                try #require(rows.first { $0["group"]?.string == group && $0["name"]?.string == name }, "\(rows)")
            }
            let api = try row("api", "http GET state")
            #expect(api["calls"]?.integer == 9 && api["errors"]?.integer == 1 && (api["p99Nanoseconds"]?.integer ?? 0) > 0)
            #expect(try row("component", "statestore")["calls"]?.integer == 8)
            #expect(try row("app", "pubsub/plain")["calls"]?.integer == 1)
            let text = try await run(octavo, "top", "--once", "--interval", "100ms")
            #expect(text.code == 0 && text.output.contains("http GET state") && text.output.contains("P99"))
        }
    }

    @Test("top shows what of the app and of other apps is in flight")
    func inFlight() async throws {
        let scratch = try Scratch(), fleet = try Fleet()
        try await fleet.app("late", "slow")
        let caller = try await fleet.caller("caller")
        try await eventually("the app is known") {
            try await Curl(path: "/v1.0/invoke/late/method/a").send(to: caller.base).status == 200 ? () : nil
        }
        func inFlight(_ octavo: OctavoProcess, _ group: String, _ name: String) async throws -> Int? {
            let rows = try await octavo.json("top", "--once", "--interval", "100ms")["rows"]?.array ?? []
            return rows.first { $0["group"]?.string == group && $0["name"]?.string == name }?["inFlight"]?.integer.map { Int($0) }
        }
        #expect(try await inFlight(caller, "peer", "late") == 0)
        // The app takes three seconds for each.
        var most = 0
        for _ in 0..<5 where most < 5 {
            async let calls = Fleet.send(5, to: "late", by: caller, at: 5, seconds: 30)
            for _ in 0..<8 where most < 5 { most = max(most, try await inFlight(caller, "peer", "late") ?? 0) }
            #expect(try await calls[200] == 5)
        }
        #expect(most == 5)
        #expect(try await inFlight(caller, "peer", "late") == 0)

        try scratch.write(Resource.component("bus", "pubsub.in-memory"), to: "resources/bus.yaml")
        let app = try await SubscriberApp.start("http")
        let stuck = try await OctavoProcess.start(in: scratch, flags: ["--app-port", "\(app.port)", "--resources-path", scratch.file("resources")])
        // The app does not answer what it sees for the first time; nothing of the topic has ended yet.
        for text in ["a", "b"] {
            let publish = Curl(method: "POST", path: "/v1.0/publish/bus/stuck", headers: ["content-type: application/json"], body: "\"\(text)\"")
            #expect(try await publish.send(to: stuck.base).status == 204)
        }
        try await eventually("both are in flight", within: .seconds(20)) { try await inFlight(stuck, "app", "pubsub/stuck") == 2 ? () : nil }
        stuck.process.kill(SIGKILL)
        let invoked = try await SubscriberApp.start(script: "invoked_app", ["http", "0"])
        try await OctavoProcess.with(flags: ["--app-port", "\(invoked.port)"]) { octavo in
            async let slow = Curl(path: "/v1.0/invoke/demo/method/slow/10").send(to: octavo.base, seconds: 30)
            try await eventually("the call is in flight", within: .seconds(10)) { try await inFlight(octavo, "app", "invoke") == 1 ? () : nil }
            #expect(try await slow.status == 200)
            #expect(try await inFlight(octavo, "app", "invoke") == 0)
            let text = try await run(octavo, "top", "--once", "--interval", "100ms").output
            #expect(text.contains("IN FLIGHT"))
        }
        withExtendedLifetime(fleet) {}
    }

    @Test("logs shows the last lines, and what comes, without secrets")
    func logs() async throws {
        let scratch = try Scratch()
        try scratch.write(
            Resource.component("store", "state.redis", [("redisHost", "127.0.0.1:1"), ("redisPassword", "planted-secret")]), to: "resources/store.yaml")
        try await OctavoProcess.with(
            in: scratch, flags: ["--resources-path", scratch.file("resources"), "--enable-api-logging"], untilReady: false
        ) { octavo in
            _ = try await Curl(
                method: "POST", path: "/v1.0/state/store", headers: ["traceparent: 00-\(String(repeating: "b", count: 32))-b7ad6b7169203331-00"],
                body: #"[{"key": "k", "value": "planted-payload"}]"#
            ).send(to: octavo.base)
            let all = try await eventually("the request is logged") { () -> String? in
                let end = try await run(octavo, "logs")
                return end.code == 0 && end.output.contains("HTTP API called") ? end.output : nil
            }
            #expect(all.contains("listening") && all.contains("trace_id=" + String(repeating: "b", count: 32)))
            #expect(!all.contains("planted"), "\(all)")
            let warnings = try await run(octavo, "logs", "--level", "warning", "--json")
            let levels = try warnings.output.split(separator: "\n").map { try JSONValue(parsing: String($0))["level"]?.string ?? "" }
            #expect(levels.allSatisfy { ["warning", "error", "critical"].contains($0) })
            let following = try Subprocess(Places.octavo, ["logs", "--follow", "--tail", "0", "--admin-socket", octavo.adminSocket])
            try await eventually("what comes is shown") {
                _ = try await Curl(path: "/v1.0/metadata").send(to: octavo.base)
                return following.output.contains("GET /v1.0/metadata") ? () : nil
            }
            following.kill(SIGTERM)
        }
    }
}
