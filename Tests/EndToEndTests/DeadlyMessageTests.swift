import Foundation
import JSONText
import Testing

@Suite("A message that ends its app", .serialized, .enabled(if: Places.hasSDK, "tools/setup test installs it"))
struct DeadlyMessageTests {
    /// Every app that was started, one after the other, on one port.
    private actor Lives {
        private(set) var apps: [SubscriberApp]
        var deaths: Int { apps.count { $0.process.code != nil } }

        init(_ first: SubscriberApp) { apps = [first] }

        /// Starts it again whenever it has ended, as an orchestrator does.
        func keepUp(_ wire: String) async throws {
            while !Task.isCancelled {
                if let last = apps.last, last.process.code != nil { apps.append(try await SubscriberApp.start(wire, port: last.port)) }
                try? await Task.sleep(for: .milliseconds(20))
            }
        }

        func data(_ path: String) -> [String] { apps.flatMap { $0.data(path) } }
    }

    private static func publish(_ text: String, to topic: String, _ octavo: OctavoProcess) async throws {
        let answer = try await Curl(
            method: "POST", path: "/v1.0/publish/bus/\(topic)", headers: ["content-type: text/plain"], body: text
        ).send(to: octavo.base)
        guard answer.status == 204 else { throw Trouble("\(answer.status) \(answer.body)") }
    }

    @Test("becomes a dead letter after a few lives of the app, and no other does", arguments: [
        ("http", "deadly", "/deadly"), ("grpc", "deadly", "/deadly"), ("http", "deadly-many", "/many"),
    ])
    func buried(wire: String, topic: String, path: String) async throws {
        let app = try await SubscriberApp.start(wire)
        let scratch = try Scratch()
        let bus = Resource.component("bus", "pubsub.sqlite", [("connectionString", scratch.file("messages.db")), ("leaseTime", "5s")])
        try scratch.write(bus, to: "resources/bus.yaml")
        let flags = ["--resources-path", scratch.file("resources"), "--app-port", "\(app.port)", "--app-protocol", wire]
        try await OctavoProcess.with(in: scratch, flags: flags) { (octavo) async throws in
            let lives = Lives(app)
            let keeper = Task { try await lives.keepUp(wire) }
            defer { keeper.cancel() }
            var sent: [String] = []
            var isPoisoned = false
            _ = try await eventually("the message is buried\n\(octavo.process.errors)", within: .seconds(120)) {
                // Others flow all the time, of the same topic.
                sent.append("m \(sent.count)")
                try await Self.publish(sent.last ?? "", to: topic, octavo)
                if sent.count == 10, !isPoisoned {
                    isPoisoned = true
                    try await Self.publish("poison", to: topic, octavo)
                }
                return await lives.data("/graves").isEmpty ? nil : true
            }
            let all = sent
            _ = try await eventually("every other message comes\n\(octavo.process.errors)", within: .seconds(60)) {
                Set(await lives.data(path)).isSuperset(of: all) ? true : nil
            }
            #expect(await lives.data("/graves") == ["poison"])
            // Twice among others, three times alone.
            #expect(await lives.deaths == 5)
            #expect(octavo.process.errors.contains("a message ends the app again and again"))
        }
    }

    @Test("comes again after the longest pause alone where there is no dead-letter topic")
    func paused() async throws {
        let app = try await SubscriberApp.start("http")
        let scratch = try Scratch()
        let bus = Resource.component("bus", "pubsub.sqlite", [("connectionString", scratch.file("messages.db")), ("leaseTime", "5s")])
        try scratch.write(bus, to: "resources/bus.yaml")
        let flags = ["--resources-path", scratch.file("resources"), "--app-port", "\(app.port)"]
        try await OctavoProcess.with(in: scratch, flags: flags) { (octavo) async throws in
            let lives = Lives(app)
            let keeper = Task { try await lives.keepUp("http") }
            defer { keeper.cancel() }
            try await Self.publish("poison", to: "fatal", octavo)
            _ = try await eventually("the app has died five times\n\(octavo.process.errors)", within: .seconds(120)) {
                await lives.deaths >= 5 ? true : nil
            }
            let began = ContinuousClock.now
            var sent = 0
            _ = try await eventually("it comes once more\n\(octavo.process.errors)", within: .seconds(60)) {
                try await Self.publish("m \(sent)", to: "fatal", octavo)
                sent += 1
                return await lives.deaths >= 6 ? true : nil
            }
            // The pause is ten seconds; the end of a process is seen a little after the connection's.
            #expect(ContinuousClock.now - began > .seconds(9))
            let all = (0..<sent).map { "m \($0)" }
            _ = try await eventually("every other message comes\n\(octavo.process.errors)", within: .seconds(60)) {
                Set(await lives.data("/fatal")).isSuperset(of: all) ? true : nil
            }
        }
    }
}
