import Foundation
import JSONText
import Testing

@Suite("Resiliency of deliveries", .serialized, .enabled(if: Places.hasSDK, "tools/setup test installs it"))
struct ResiliencyTests {
    private static let policies = """
        apiVersion: dapr.io/v1alpha1
        kind: Resiliency
        metadata: {name: deliveries}
        spec:
          policies:
            timeouts: {short: 2s}
            retries:
              three: {policy: constant, duration: 20ms, maxRetries: 3}
          targets:
            actors: {another: {retry: three}}
            components:
              bus: {inbound: {retry: three, timeout: short}}

        """

    private func with(_ component: String, _ flags: [String], _ body: (OctavoProcess) async throws -> Void) async throws {
        let scratch = try Scratch()
        try scratch.write(component, to: "resources/bus.yaml")
        try scratch.write(Self.policies, to: "resources/resiliency.yaml")
        try await OctavoProcess.with(in: scratch, flags: ["--resources-path", scratch.file("resources")] + flags, body)
    }

    /// What is published before a topic has a group is nobody's.
    private func subscribed(_ octavo: OctavoProcess) async throws {
        _ = try await eventually("every topic is subscribed to\n\(octavo.process.errors)") {
            let all = try await octavo.json("subscription", "list")["subscriptions"]?.array ?? []
            return !all.isEmpty && all.allSatisfy { $0["state"]?.string == "active" } ? true : nil
        }
    }

    private func publish(_ text: String, to topic: String, _ octavo: OctavoProcess) async throws {
        let answer = try await Curl(
            method: "POST", path: "/v1.0/publish/bus/\(topic)", headers: ["content-type: text/plain"], body: text
        ).send(to: octavo.base)
        #expect(answer.status == 204, "\(answer.body)")
    }

    @Test("tries again as often as the policy says, then goes to the dead letters; what the app does not answer in time comes again",
          arguments: ["http", "grpc"], ["memory", "sqlite", "redis"])
    func retries(wire: String, plugin: String) async throws {
        let server = plugin == "redis" ? try await RedisServer.start() : nil
        let folder = try Scratch()
        let component =
            switch plugin {
            case "redis": Resource.component("bus", "pubsub.redis", [("redisHost", "127.0.0.1:\(server?.port ?? 0)")])
            case "sqlite": Resource.component("bus", "pubsub.sqlite", [("connectionString", folder.file("messages.db"))])
            default: Resource.component("bus", "pubsub.in-memory")
            }
        let app = try await SubscriberApp.start(wire)
        try await with(component, ["--app-port", "\(app.port)", "--app-protocol", wire]) { octavo in
            try await subscribed(octavo)
            try await publish("bad", to: "failing", octavo)
            try await publish("late", to: "stuck", octavo)
            _ = try await eventually("it is a dead letter\n\(octavo.process.errors)") { app.data("/graves") == ["bad"] ? true : nil }
            #expect(app.data("/failing") == Array(repeating: "bad", count: 4))
            _ = try await eventually("it comes again\n\(octavo.process.errors)") { app.data("/stuck") == ["late", "late"] ? true : nil }
            #expect(octavo.process.errors.contains("spec.targets.actors"), "\(octavo.process.errors)")
        }
        withExtendedLifetime(server) {}
    }

    @Test("holds for streams, too")
    func streams() async throws {
        try await with(Resource.component("bus", "pubsub.in-memory"), []) { octavo in
            try await SDKTests.run("unanswered", ["bus"], octavo)
        }
    }

    @Test("is not a matter of the app's restarts: a message that the app broke off at is no dead letter", arguments: ["http", "grpc"])
    func restarts(wire: String) async throws {
        let first = try await SubscriberApp.start(wire)
        let scratch = try Scratch()
        try scratch.write(Resource.component("bus", "pubsub.in-memory"), to: "resources/bus.yaml")
        let subscription = """
            apiVersion: dapr.io/v2alpha1
            kind: Subscription
            metadata: {name: stuck}
            spec: {pubsubname: bus, topic: stuck, routes: {default: /stuck}, deadLetterTopic: graves}

            """
        try scratch.write(subscription, to: "resources/subscription.yaml")
        let flags = ["--resources-path", scratch.file("resources"), "--app-port", "\(first.port)", "--app-protocol", wire]
        try await OctavoProcess.with(in: scratch, flags: flags) { octavo in
            try await subscribed(octavo)
            try await publish("late", to: "stuck", octavo)
            _ = try await eventually("it is with the app") { first.data("/stuck") == ["late"] ? true : nil }
            first.process.kill(SIGKILL)
            _ = try await first.process.ended()
            let second = try await SubscriberApp.start(wire, port: first.port)
            _ = try await eventually("it comes again\n\(octavo.process.errors)") { second.data("/stuck") == ["late"] ? true : nil }
            #expect(second.data("/graves").isEmpty)
        }
    }
}
