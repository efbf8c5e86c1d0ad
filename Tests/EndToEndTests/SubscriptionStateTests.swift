import Foundation
import JSONText
import Testing

@Suite("What a subscription is doing", .serialized, .enabled(if: Places.hasSDK, "tools/setup test installs it"))
struct SubscriptionStateTests {
    private func with(_ component: String, _ flags: [String], _ body: (OctavoProcess) async throws -> Void) async throws {
        let scratch = try Scratch()
        try scratch.write(component, to: "resources/bus.yaml")
        try await OctavoProcess.with(in: scratch, flags: ["--resources-path", scratch.file("resources")] + flags, body)
    }

    private func listed(_ topic: String, _ octavo: OctavoProcess) async throws -> JSONValue? {
        try await octavo.json("subscription", "list")["subscriptions"]?.array?.first { $0["topic"]?.string == topic }
    }

    /// Waits until the list, the metrics page and the table say the state.
    private func becomes(_ state: String, _ topic: String, _ octavo: OctavoProcess) async throws -> JSONValue {
        let found = try await eventually("\(topic) is \(state)\n\(octavo.process.errors)", within: .seconds(40)) {
            let found = try await listed(topic, octavo)
            return found?["state"]?.string == state ? found : nil
        }
        let labels = #"{component="bus",topic="\#(topic)",origin="programmatic",state="\#(state)"} 1"#
        _ = try await eventually("the metrics page says \(labels)", within: .seconds(40)) {
            try await metrics(octavo).contains("octavo_subscription_state" + labels) ? true : nil
        }
        let table = try await octavo.octavo("subscription", "list")
        #expect(table.output.split(separator: "\n").contains { $0.contains(topic) && $0.contains(state) }, "\(table.output)")
        return found
    }

    private func metrics(_ octavo: OctavoProcess) async throws -> String {
        try await Curl(path: "/metrics").send(to: "http://127.0.0.1:\(octavo.metrics)").body
    }

    private func publish(_ text: String, to topic: String, _ octavo: OctavoProcess) async throws {
        let answer = try await Curl(
            method: "POST", path: "/v1.0/publish/bus/\(topic)", headers: ["content-type: text/plain"], body: text
        ).send(to: octavo.base)
        #expect(answer.status == 204, "\(answer.body)")
    }

    @Test("is seen when its broker dies, and when it is back; the runtime stays healthy")
    func brokerDies() async throws {
        let server = try await RedisServer.start()
        let app = try await SubscriberApp.start("http")
        let component = Resource.component("bus", "pubsub.redis", [("redisHost", "127.0.0.1:\(server.port)")])
        try await with(component, ["--app-port", "\(app.port)"]) { octavo in
            _ = try await becomes("active", "plain", octavo)
            for (topic, text) in [("plain", "one"), ("failing", "two"), ("flaky", "three")] { try await publish(text, to: topic, octavo) }
            let failing = #"{component="bus",topic="failing",origin="programmatic"} "#
            let flaky = #"{component="bus",topic="flaky",origin="programmatic"} "#
            for line in [
                #"octavo_subscription_delivered_total{component="bus",topic="plain",origin="programmatic"} 1"#,
                "octavo_subscription_dead_lettered_total\(failing)1", "octavo_subscription_retried_total\(flaky)1",
                "octavo_subscription_delivered_total\(flaky)2", "octavo_subscription_in_flight\(flaky)0",
            ] {
                _ = try await eventually("the metrics page says \(line)") { try await metrics(octavo).contains(line) ? true : nil }
            }
            try await server.killed()
            let lost = try await becomes("retrying", "plain", octavo)
            #expect(lost["reason"]?.string?.isEmpty == false && lost["lastError"]?.string == lost["reason"]?.string, "\(lost)")
            #expect(abs(Double(lost["sinceUnixMilliseconds"]?.integer ?? 0) / 1000 - Date().timeIntervalSince1970) < 60, "\(lost)")
            let doctor = try await octavo.octavo("doctor", "--json")
            #expect(doctor.output.contains("subscription to plain of bus"), "\(doctor.output)")
            #expect(try await Curl(path: "/v1.0/healthz").send(to: octavo.base).status == 204)
            let again = try await RedisServer.start(port: server.port)
            let back = try await becomes("active", "plain", octavo)
            #expect(back["reason"] == nil && back["lastError"]?.string?.isEmpty == false, "\(back)")
            try await publish("four", to: "plain", octavo)
            _ = try await eventually("it comes") { app.data("/plain").contains("four") ? true : nil }
            withExtendedLifetime(again) {}
        }
    }

    @Test("is seen while its app is down, and when it is back")
    func appDies() async throws {
        let app = try await SubscriberApp.start("http")
        try await with(Resource.component("bus", "pubsub.in-memory"), ["--app-port", "\(app.port)"]) { octavo in
            _ = try await becomes("active", "plain", octavo)
            app.process.kill(SIGKILL)
            _ = try await app.process.ended()
            let paused = try await becomes("paused", "plain", octavo)
            #expect(paused["reason"]?.string?.contains("the app is not up") == true, "\(paused)")
            let second = try await SubscriberApp.start("http", port: app.port)
            _ = try await becomes("active", "plain", octavo)
            try await publish("x", to: "plain", octavo)
            _ = try await eventually("it comes") { second.data("/plain") == ["x"] ? true : nil }
        }
    }

    @Test("says that the app may not hear of the topic, and does not try again")
    func refused() async throws {
        let app = try await SubscriberApp.start("http")
        let component = Resource.component("bus", "pubsub.in-memory", [("subscriptionScopes", "demo=routed")])
        try await with(component, ["--app-port", "\(app.port)"]) { octavo in
            _ = try await becomes("active", "routed", octavo)
            _ = try await becomes("stopped", "plain", octavo)
        }
    }

    @Test("does not change when another of the same topic and component ends", arguments: ["memory", "redis", "sqlite"])
    func siblings(plugin: String) async throws {
        let scratch = try Scratch()
        let server = plugin == "redis" ? try await RedisServer.start() : nil
        let component =
            switch plugin {
            case "redis": Resource.component("bus", "pubsub.redis", [("redisHost", "127.0.0.1:\(server?.port ?? 0)")])
            case "sqlite": Resource.component("bus", "pubsub.sqlite", [("connectionString", scratch.file("messages.db"))])
            default: Resource.component("bus", "pubsub.in-memory")
            }
        try await with(component, []) { octavo in
            try await SDKTests.run("siblings", ["bus", Places.octavo, octavo.adminSocket], octavo)
        }
        withExtendedLifetime(server) {}
    }
}
