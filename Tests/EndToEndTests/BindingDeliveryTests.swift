import Foundation
import JSONText
import Testing

@Suite("Deliveries of input bindings", .serialized, .enabled(if: Places.hasSDK, "tools/setup test installs it"))
struct BindingDeliveryTests {
    /// A broker of the test's own with a component `way` that is written to and read.
    private struct Broker {
        let component: String
        let keeps: AnyObject

        static func start(_ kind: String) async throws -> Broker {
            if kind == "rabbitmq" {
                let server = try await RabbitServer.shared.value
                let queue = "work-\(UUID().uuidString)"
                return Broker(
                    component: Resource.component(
                        "way", "bindings.rabbitmq", [("host", server.url), ("queueName", queue), ("durable", "true")]), keeps: server)
            }
            let server = try await MosquittoServer.start()
            return Broker(
                component: Resource.component(
                    "way", "bindings.mqtt3", [("url", server.url), ("topic", "house/heat"), ("consumerID", "test"), ("qos", "1"), ("cleanSession", "false")]),
                keeps: server)
        }
    }

    private func create(_ text: String, _ octavo: OctavoProcess) async throws {
        let answer = try await Curl(
            method: "POST", path: "/v1.0/bindings/way", headers: ["content-type: application/json"],
            body: #"{"operation":"create","data":"\#(text)"}"#
        ).send(to: octavo.base)
        #expect(answer.status == 204 || answer.status == 200, "\(answer.status) \(answer.body)")
    }

    private func read(_ octavo: OctavoProcess) async throws {
        try await eventually("the binding is read\n\(octavo.process.errors)") {
            octavo.process.errors.contains("an input binding is read") ? () : nil
        }
    }

    private static let named = "components: {way: {inbound: {retry: spaced, timeout: short}}}"

    @Test(
        "are tried again as the policy says, of the component or by its name for all, and a handler that hangs is not waited for",
        arguments: ["rabbitmq", "mqtt3"], ["http", "grpc"])
    func resiliency(kind: String, wire: String) async throws {
        let broker = try await Broker.start(kind)
        let app = try await WorkerApp.start(wire)
        let scratch = try Scratch()
        try scratch.write(broker.component, to: "resources/way.yaml")
        // Over gRPC by the names that hold for all bindings.
        let (retry, timeout) = wire == "http" ? ("spaced", "short") : ("DefaultBindingComponentInboundRetryPolicy", "DefaultBindingComponentInboundTimeoutPolicy")
        try scratch.write(
            """
            apiVersion: dapr.io/v1alpha1
            kind: Resiliency
            metadata: {name: deliveries}
            spec:
              policies:
                timeouts: {\(timeout): 2s}
                retries:
                  \(retry): {policy: constant, duration: 700ms, maxRetries: 2}
              targets:
                \(wire == "http" ? Self.named : "components: {}")

            """, to: "resources/resiliency.yaml")
        let flags = ["--resources-path", scratch.file("resources"), "--app-port", "\(app.port)", "--app-protocol", wire]
        try await OctavoProcess.with(in: scratch, flags: flags) { octavo in
            try await read(octavo)
            try await create("late", octavo)
            // The first one is still being worked on: it takes six seconds.
            let late = try await eventually("it comes again\n\(app.process.output)\(octavo.process.errors)") { app.begun("late").count >= 2 ? app.begun("late") : nil }
            #expect(late[1] - late[0] >= 2.5 && late[1] - late[0] < 6, "\(late)")
            try await create("bad", octavo)
            // A binding has no dead letters: it comes again after `maxRetries`, too, at the same pace.
            let bad = try await eventually("five deliveries\n\(app.process.output)\(octavo.process.errors)") { app.begun("bad").count >= 5 ? app.begun("bad") : nil }
            let gaps = zip(bad.dropFirst(), bad).map { $0 - $1 }
            // Without the policy the first pause is a tenth of a second.
            #expect(gaps.allSatisfy { $0 >= 0.65 }, "\(gaps)")
            try await create("fine", octavo)
            try await eventually("others come meanwhile") { app.done.contains { $0.contains("fine") } ? () : nil }
        }
        withExtendedLifetime(broker) {}
    }

    @Test(
        "an app that is killed in the middle of its handlers loses no event", .timeLimit(.minutes(3)), arguments: ["rabbitmq", "mqtt3"],
        [[], ["--isolate", "all"]])
    func killed(kind: String, flags: [String]) async throws {
        let broker = try await Broker.start(kind)
        let reserved = try ReservedPort()
        let scratch = try Scratch()
        try scratch.write(broker.component, to: "resources/way.yaml")
        let flags = ["--resources-path", scratch.file("resources"), "--app-port", "\(reserved.port)"] + flags
        let all = (0..<120).map { "slow \($0)." }
        var apps = [try await WorkerApp.start("http", port: reserved.port)]
        try await OctavoProcess.with(in: scratch, flags: flags) { octavo in
            try await read(octavo)
            var created = 0, interrupted = 0
            for round in 1...3 {
                while created < 40 * round {
                    try await create(all[created], octavo)
                    created += 1
                    let app = apps[apps.count - 1]
                    // In the middle: some are done, and some have begun.
                    let begun = Set(app.events.filter { $0.step == "begin" }.map(\.text)), done = Set(app.done)
                    if created > 40 * round - 30, !done.isEmpty, begun.count > done.count, apps.count == round {
                        app.process.kill(SIGKILL)
                        _ = try await app.process.ended()
                        interrupted += Set(app.events.filter { $0.step == "begin" }.map(\.text)).subtracting(app.done).count
                        apps.append(try await WorkerApp.start("http", port: reserved.port))
                    }
                }
            }
            let lost = { all.filter { text in !apps.contains { $0.done.contains { $0.contains(text) } } } }
            try await eventually("all events: \(octavo.process.errors.suffix(2000))", within: .seconds(60)) { lost().isEmpty ? () : nil }
            let done = apps.flatMap(\.done), begun = apps.flatMap(\.events).filter { $0.step == "begin" }
            print(
                "bindings.\(kind) \(flags.last == "all" ? "isolated" : "in process"): \(all.count) created, \(apps.count - 1) kills, \(interrupted) interrupted, "
                    + "\(begun.count) begun, \(done.count) done, \(done.count - Set(done).count) done again, lost \(lost().count)")
            #expect(apps.count >= 2 && interrupted > 0, "no kill was in the middle of a handler")
            #expect(begun.count >= all.count + interrupted)
        }
        withExtendedLifetime((broker, reserved)) {}
    }

    @Test("a plugin is told which app reads its events", arguments: [[], ["--isolate", "all"]])
    func reader(flags: [String]) async throws {
        let scratch = try Scratch()
        try FileManager.default.createDirectory(atPath: scratch.file("plugins"), withIntermediateDirectories: false)
        let built = try await Subprocess.run(
            "cc",
            [
                "-std=c11", "-shared", "-fPIC", "-I", Places.headers, "-o", scratch.file("plugins/asker.so"),
                Places.package + "/Tests/Fixtures/plugins/asker.c",
            ])
        #expect(built.code == 0, "\(built.errors)")
        try scratch.write(Resource.component("way", "bindings.asker", [("direction", "input")]), to: "resources/way.yaml")
        let app = try await WorkerApp.start("http")
        let flags = [
            "--resources-path", scratch.file("resources"), "--plugins-dir", scratch.file("plugins"), "--app-port", "\(app.port)",
        ] + flags
        try await OctavoProcess.with(in: scratch, flags: flags) { octavo in
            try await eventually("its event\n\(octavo.process.errors)") { app.done.isEmpty ? nil : () }
            #expect(app.done == ["demo"])
        }
    }
}
