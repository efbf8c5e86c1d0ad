import Foundation
import JSONText
import Testing

@Suite(
    "What a component delivers goes on when its resource file changes", .serialized,
    .enabled(if: Places.hasSDK, "tools/setup test installs the SDK"))
struct FollowedReloadTests {
    private func change(_ file: String, _ text: String, _ name: String, _ count: Int, _ scratch: Scratch, _ octavo: OctavoProcess) async throws {
        try scratch.write(text, to: "resources/\(file)")
        try await eventually("replacement \(count) of \(name): \(octavo.process.errors.suffix(2000))") {
            octavo.replacements(of: name) >= count ? () : nil
        }
    }

    private static func subscription(_ topic: String) -> String {
        """
        apiVersion: dapr.io/v2alpha1
        kind: Subscription
        metadata: {name: \(topic)}
        spec:
          pubsubname: bus
          topic: \(topic)
          routes: {default: /\(topic)}

        """
    }

    private func publish(_ texts: [String], to topic: String, _ octavo: OctavoProcess) async throws {
        let entries = texts.map { #"{"entryId":"\#($0)","event":"\#($0)","contentType":"text/plain"}"# }
        let answer = try await Curl(
            method: "POST", path: "/v1.0/publish/bulk/bus/\(topic)", headers: ["content-type: application/json"],
            body: "[" + entries.joined(separator: ",") + "]"
        ).send(to: octavo.base)
        guard answer.status == 204 else { throw Trouble("\(answer.status) \(answer.body)") }
    }

    @Test("to an app: every message comes, and subscriptions come and go", arguments: ["http", "grpc"], StoresTests.modes)
    func messages(wire: String, flags: [String]) async throws {
        let app = try await SubscriberApp.start(wire)
        let scratch = try Scratch()
        func bus(_ lease: Int) -> String {
            Resource.component(
                "bus", "pubsub.sqlite", [("connectionString", scratch.file("messages.db")), ("leaseTime", "\(lease)s")])
        }
        try scratch.write(bus(60), to: "resources/bus.yaml")
        try scratch.write(Self.subscription("other"), to: "resources/other.yaml")
        try await OctavoProcess.with(
            in: scratch,
            flags: ["--resources-path", scratch.file("resources"), "--app-port", "\(app.port)", "--app-protocol", wire] + flags
        ) { octavo in
            func comes(_ path: String, _ wanted: Set<String>) async throws {
                try await eventually("\(wanted.count) messages at \(path), \(app.data(path).count) are there", within: .seconds(60)) {
                    Set(app.data(path)) == wanted ? () : nil
                }
            }
            try await publish(["first"], to: "other", octavo)
            try await comes("/other", ["first"])
            var sent: Set<String> = []
            for round in 1...6 {
                let texts = (0..<40).map { "\(round)-\($0)" }
                sent.formUnion(texts)
                try await publish(texts, to: "slow", octavo)
                // Some are with the app just now, and the lease is longer than the test: nothing may hang on it.
                try await change("bus.yaml", bus(60 + round), "bus", round, scratch, octavo)
            }
            try await comes("/slow", sent)
            // What has settled does not come again, but for what the app was just answering.
            #expect(app.data("/slow").count < sent.count + 80)

            for round in 1...3 {
                try scratch.write(Self.subscription("extra"), to: "resources/extra.yaml")
                try await eventually("the subscription") {
                    let listed = try await Curl(path: "/v1.0/metadata").send(to: octavo.base).json?["subscriptions"]?.array
                    return listed?.contains { $0["topic"]?.string == "extra" } == true ? () : nil
                }
                try await publish(["extra \(round)"], to: "extra", octavo)
                try await comes("/extra", Set((1...round).map { "extra \($0)" }))
                try FileManager.default.removeItem(atPath: scratch.file("resources/extra.yaml"))
                try await eventually("its end") {
                    let listed = try await Curl(path: "/v1.0/metadata").send(to: octavo.base).json?["subscriptions"]?.array
                    return listed?.contains { $0["topic"]?.string == "extra" } == false ? () : nil
                }
            }
            // The others were left alone by that: once at the start, and again after each change of their component.
            let lines = octavo.process.errors.split(separator: "\n").filter { $0.contains("subscribed") && $0.contains("topic=other") }
            #expect(lines.count <= 7, "\(lines)")
            // A rule that can't be read is refused, and the subscription stays as it was.
            try scratch.write(
                Self.subscription("other").replacingOccurrences(
                    of: "routes: {default: /other}", with: "routes: {rules: [{match: 'event.type ==', path: /wrong}]}"),
                to: "resources/other.yaml")
            try await eventually("the refusal") {
                try await octavo.json("status")["resourceProblems"]?.array?.isEmpty == false ? () : nil
            }
            try await publish(["second"], to: "other", octavo)
            try await comes("/other", ["first", "second"])
        }
    }

    @Test("to whoever follows configuration", arguments: StoresTests.modes)
    func configuration(flags: [String]) async throws {
        let scratch = try Scratch()
        func items(_ interval: Int) -> String {
            Resource.component(
                "items", "configuration.sqlite", [("connectionString", scratch.file("items.db")), ("timeout", "\(interval)s")])
        }
        try scratch.write(items(10), to: "resources/items.yaml")
        try await OctavoProcess.with(in: scratch, flags: ["--resources-path", scratch.file("resources")] + flags) { octavo in
            let follower = try Subprocess(
                Places.python, [Places.script("follow"), "items", "a"], environment: SDKTests.environment(octavo))
            try await eventually("the follower") { follower.output.contains("subscribed") ? () : nil }
            for round in 1...5 {
                try await change("items.yaml", items(10 + round), "items", round, scratch, octavo)
                let answer = try await Curl(
                    method: "POST", path: "/v1.0/configuration/items", body: #"[{"key":"a","value":"\#(round)"}]"#
                ).send(to: octavo.base)
                #expect(answer.status == 204)
                try await eventually("a=\(round) in \(follower.output)") { follower.output.contains("a=\(round)\n") ? () : nil }
            }
            #expect(!follower.output.contains("end"))
        }
    }

    @Test("and a lock that is held stays held", arguments: StoresTests.modes)
    func locks(flags: [String]) async throws {
        let server = try await RedisServer.start()
        let scratch = try Scratch()
        func redis(_ round: Int) -> String {
            Resource.component(
                "remote", "lock.redis", [("redisHost", "127.0.0.1:\(server.port)"), ("redisMaxRetries", "\(round)")])
        }
        func sqlite(_ round: Int) -> String {
            Resource.component(
                "local", "lock.sqlite", [("connectionString", scratch.file("locks.db")), ("timeout", "\(round)s")])
        }
        try scratch.write(redis(1), to: "resources/remote.yaml")
        try scratch.write(sqlite(1), to: "resources/local.yaml")
        try await OctavoProcess.with(in: scratch, flags: ["--resources-path", scratch.file("resources")] + flags) { octavo in
            func ask(_ what: String, _ store: String, _ owner: String) async throws -> JSONValue? {
                try await Curl(
                    method: "POST", path: "/v1.0-alpha1/\(what)/\(store)",
                    body: #"{"resourceId":"r","lockOwner":"\#(owner)","expiryInSeconds":600}"#
                ).send(to: octavo.base).json
            }
            for store in ["remote", "local"] { #expect(try await ask("lock", store, "me")?["success"] == .bool(true)) }
            try await change("remote.yaml", redis(2), "remote", 1, scratch, octavo)
            try await change("local.yaml", sqlite(2), "local", 1, scratch, octavo)
            for store in ["remote", "local"] {
                #expect(try await ask("lock", store, "other")?["success"] == .bool(false))
                #expect(try await ask("unlock", store, "me")?["status"]?.integer == 0)
                #expect(try await ask("lock", store, "other")?["success"] == .bool(true))
            }
        }
        try await server.killed()
    }
}
