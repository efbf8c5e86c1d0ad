import Foundation
import JSONText
import Testing

@Suite("Readiness and the first openings of subscriptions", .serialized, .enabled(if: Places.hasSDK, "tools/setup test installs it"))
struct FirstOpeningTests {
    private func start(_ component: String, _ app: SubscriberApp, _ wire: String, _ body: (OctavoProcess) async throws -> Void) async throws {
        let scratch = try Scratch()
        try scratch.write(component, to: "resources/bus.yaml")
        let flags = ["--resources-path", scratch.file("resources"), "--app-port", "\(app.port)", "--app-protocol", wire]
        try await OctavoProcess.with(in: scratch, flags: flags, body)
    }

    @Test("who publishes once the runtime is ready is heard, though the broker keeps nothing", arguments: ["http", "grpc"])
    func heard(wire: String) async throws {
        // It takes its time to say what it subscribes to.
        let app = try await SubscriberApp.start(wire, ["1.5"])
        try await start(Resource.component("bus", "pubsub.in-memory"), app, wire) { (octavo) async throws in
            for topic in ["plain", "stormy", "slow"] {
                let answer = try await Curl(
                    method: "POST", path: "/v1.0/publish/bus/\(topic)", headers: ["content-type: text/plain"], body: "early"
                ).send(to: octavo.base)
                #expect(answer.status == 204, "\(answer.body)")
            }
            for path in ["/plain", "/stormy", "/slow"] {
                _ = try await eventually("\(path) gets it\n\(octavo.process.errors)") { app.data(path) == ["early"] ? true : nil }
            }
            let lines = octavo.process.errors.split(separator: "\n")
            let word = try #require(lines.firstIndex { $0.contains("up and running") })
            #expect(!lines[word...].contains { $0.contains("subscribed") }, "\(octavo.process.errors)")
        }
    }

    @Test("an app that never says what it subscribes to keeps readiness back for ten seconds, and no longer")
    func silent() async throws {
        let app = try await SubscriberApp.start("http", ["3600"])
        try await start(Resource.component("bus", "pubsub.in-memory"), app, "http") { (octavo) async throws in
            #expect(octavo.process.errors.contains("ready though not all subscriptions of the app are open"), "\(octavo.process.errors)")
            #expect(try await Curl(path: "/v1.0/healthz").send(to: octavo.base).status == 204)
        }
    }

    @Test("a broker that is away keeps readiness back only where its component does")
    func away() async throws {
        let reserved = try ReservedPort()
        defer { withExtendedLifetime(reserved) {} }
        let app = try await SubscriberApp.start("http")
        let component = """
            apiVersion: dapr.io/v1alpha1
            kind: Component
            metadata:
              name: bus
              annotations:
                octavo.io/start: optional
            spec:
              type: pubsub.redis
              version: v1
              metadata:
              - name: redisHost
                value: "127.0.0.1:\(reserved.port)"

            """
        try await start(component, app, "http") { (octavo) async throws in
            #expect(try await Curl(path: "/v1.0/healthz").send(to: octavo.base).status == 204)
            let waiting = try await eventually("the subscription is listed") {
                try await octavo.json("subscription", "list")["subscriptions"]?.array?.first { $0["topic"]?.string == "plain" }
            }
            #expect(waiting["state"]?.string != "active", "\(waiting)")
        }
    }
}
