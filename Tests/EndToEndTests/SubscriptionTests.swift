import Foundation
import JSONText
import Testing

@Suite("Subscriptions of an app", .serialized, .enabled(if: Places.hasSDK, "tools/setup test installs it"))
struct SubscriptionTests {
    private func with(
        _ app: SubscriberApp, _ wire: String, flags: [String] = [], _ body: (OctavoProcess) async throws -> Void
    ) async throws {
        let scratch = try Scratch()
        let bus = Resource.component("bus", "pubsub.sqlite", [("connectionString", scratch.file("messages.db")), ("leaseTime", "1s")])
        try scratch.write(bus, to: "resources/bus.yaml")
        let declared = """
            apiVersion: dapr.io/v2alpha1
            kind: Subscription
            metadata:
              name: declared
            spec:
              pubsubname: bus
              topic: declared
              routes:
                default: /declared
            scopes: [demo]
            ---
            apiVersion: dapr.io/v2alpha1
            kind: Subscription
            metadata:
              name: others
            spec:
              pubsubname: bus
              topic: others
              routes:
                default: /others
            scopes: [another-app]

            """
        try scratch.write(declared, to: "resources/subscriptions.yaml")
        try await OctavoProcess.with(
            in: scratch,
            flags: ["--resources-path", scratch.file("resources"), "--app-port", "\(app.port)", "--app-protocol", wire] + flags, body)
    }

    private func publish(_ text: String, to topic: String, _ query: String, _ octavo: OctavoProcess) async throws {
        let answer = try await Curl(
            method: "POST", path: "/v1.0/publish/bus/\(topic)\(query)", headers: ["content-type: text/plain"], body: text
        ).send(to: octavo.base)
        guard answer.status == 204 else { throw Trouble("\(answer.status) \(answer.body)") }
    }

    @Test("are delivered by its routes, settled as it says, and listed", arguments: ["http", "grpc"], [[], ["--isolate", "all"]])
    func delivered(wire: String, flags: [String]) async throws {
        let app = try await SubscriberApp.start(wire)
        try await with(app, wire, flags: flags) { octavo in
            for topic in ["plain", "declared", "others", "failing", "unwanted", "flaky"] {
                try await publish("to \(topic)", to: topic, "", octavo)
            }
            try await publish("x", to: "routed", "", octavo)
            try await publish("y", to: "routed", "?metadata.cloudevent.type=important", octavo)
            try await publish("bytes", to: "raw", "?metadata.rawPayload=true", octavo)
            let many = (0..<20).map { #"{"entryId":"\#($0)","event":"m \#($0)","contentType":"text/plain"}"# }
            let answer = try await Curl(
                method: "POST", path: "/v1.0/publish/bulk/bus/many", headers: ["content-type: application/json"],
                body: "[" + many.joined(separator: ",") + "]"
            ).send(to: octavo.base)
            #expect(answer.status == 204, "\(answer.body)")
            let what = { @Sendable in app.process.output + app.process.errors + octavo.process.errors }
            func comes(_ path: String, _ wanted: [String]) async throws {
                _ = try await eventually("\(path) gets \(wanted)\n\(what())") {
                    app.data(path).sorted() == wanted.sorted() ? true : nil
                }
            }
            try await comes("/plain", ["to plain"])
            try await comes("/declared", ["to declared"])
            try await comes("/ordinary", ["x"])
            try await comes("/important", ["y"])
            try await comes("/failing", ["to failing"])
            try await comes("/unwanted", ["to unwanted"])
            try await comes("/graves", ["to failing", "to unwanted"])
            try await comes("/flaky", ["to flaky", "to flaky"])
            try await comes("/many", (0..<20).map { "m \($0)" })
            try await comes("/raw", [wire == "http" ? Data("bytes".utf8).base64EncodedString() : "bytes"])
            #expect(app.seen("/many").contains { $0["together"] != .number("1") })
            #expect(app.seen("/others").isEmpty)
            #expect(app.seen("/plain")[0]["pubsub"]?.string == "bus")
            if wire == "http" { #expect(app.seen("/plain")[0]["content"]?.string == "application/cloudevents+json") }

            let metadata = try #require(try await Curl(path: "/v1.0/metadata").send(to: octavo.base).json)
            let listed = metadata["subscriptions"]?.array ?? []
            #expect(listed.count == 15)
            let declared = try #require(listed.first { $0["topic"]?.string == "declared" })
            #expect(declared["type"]?.string == "DECLARATIVE" && declared["rules"]?.array?[0]["path"]?.string == "/declared")
            let failing = try #require(listed.first { $0["topic"]?.string == "failing" })
            #expect(failing["type"]?.string == "PROGRAMMATIC" && failing["deadLetterTopic"]?.string == "graves")
        }
    }

    @Test("go on when it was killed and is back: nothing that was acknowledged is lost", arguments: ["http", "grpc"])
    func appDies(wire: String) async throws {
        let first = try await SubscriberApp.start(wire)
        try await with(first, wire) { octavo in
            let all = Set((0..<60).map { "m \($0)" })
            for number in 0..<60 {
                try await publish("m \(number)", to: "stormy", "", octavo)
                if number == 30 { first.process.kill(SIGKILL) }
            }
            _ = try await first.process.ended()
            let second = try await SubscriberApp.start(wire, port: first.port)
            _ = try await eventually("every message comes\n\(second.process.errors)\(octavo.process.errors)") {
                Set(first.data("/stormy") + second.data("/stormy")) == all ? true : nil
            }
        }
    }

    @Test("go on when the runtime was killed and is back: nothing that was acknowledged is lost")
    func runtimeDies() async throws {
        let app = try await SubscriberApp.start("http")
        let scratch = try Scratch()
        let bus = Resource.component("bus", "pubsub.sqlite", [("connectionString", scratch.file("messages.db")), ("leaseTime", "1s")])
        try scratch.write(bus, to: "resources/bus.yaml")
        let flags = ["--resources-path", scratch.file("resources"), "--app-port", "\(app.port)"]
        let first = try await OctavoProcess.start(in: scratch, flags: flags)
        let all = Set((0..<200).map { "m \($0)" })
        for start in stride(from: 0, to: 200, by: 50) {
            let entries = (start..<start + 50).map { #"{"entryId":"\#($0)","event":"m \#($0)","contentType":"text/plain"}"# }
            let answer = try await Curl(
                method: "POST", path: "/v1.0/publish/bulk/bus/stormy", headers: ["content-type: application/json"],
                body: "[" + entries.joined(separator: ",") + "]"
            ).send(to: first.base)
            #expect(answer.status == 204, "\(answer.body)")
        }
        try await first.killed()
        try await OctavoProcess.with(in: scratch, flags: flags) { octavo in
            _ = try await eventually("every message comes\n\(octavo.process.errors)") {
                Set(app.data("/stormy")) == all ? true : nil
            }
        }
    }

    @Test("end in order with the runtime: no message is lost, and none comes twice")
    func rollingRestarts() async throws {
        let app = try await SubscriberApp.start("http")
        let scratch = try Scratch()
        let bus = Resource.component("bus", "pubsub.sqlite", [("connectionString", scratch.file("messages.db"))])
        try scratch.write(bus, to: "resources/bus.yaml")
        let flags = ["--resources-path", scratch.file("resources"), "--app-port", "\(app.port)", "--app-max-concurrency", "4"]
        var sent = 0
        for _ in 0..<5 {
            try await OctavoProcess.with(in: scratch, flags: flags) { octavo in
                let before = app.seen("/slow").count
                let entries = (sent..<sent + 100).map { #"{"entryId":"\#($0)","event":"m \#($0)","contentType":"text/plain"}"# }
                let answer = try await Curl(
                    method: "POST", path: "/v1.0/publish/bulk/bus/slow", headers: ["content-type: application/json"],
                    body: "[" + entries.joined(separator: ",") + "]"
                ).send(to: octavo.base)
                #expect(answer.status == 204, "\(answer.body)")
                sent += 100
                // In the middle of its work.
                _ = try await eventually("messages come") { app.seen("/slow").count > before + 10 ? true : nil }
            }
        }
        let all = (0..<sent).map { "m \($0)" }
        try await OctavoProcess.with(in: scratch, flags: flags) { octavo in
            _ = try await eventually("every message comes\n\(octavo.process.errors)") {
                Set(app.data("/slow")) == Set(all) ? true : nil
            }
        }
        #expect(app.data("/slow").count == sent)
    }

    @Test("to configuration are told to an HTTP app until they are ended; a gRPC app has no method for it", arguments: ["http", "grpc"])
    func configuration(wire: String) async throws {
        let app = try await SubscriberApp.start(wire)
        // Embedded components.
        try await OctavoProcess.with(flags: ["--app-port", "\(app.port)", "--app-protocol", wire]) { octavo in
            let answer = try await Curl(path: "/v1.0/configuration/configstore/subscribe?key=an%20item").send(to: octavo.base)
            guard wire == "http" else {
                #expect(answer.status == 500 && answer.body.contains("app channel is not initialized"), "\(answer.body)")
                return
            }
            let id = try #require(answer.json?["id"]?.string, "\(answer.status) \(answer.body)")
            func set(_ value: String) async throws {
                let answer = try await Curl(
                    method: "POST", path: "/v1.0/configuration/configstore", headers: ["content-type: application/json"],
                    body: #"[{"key":"an item","value":"\#(value)"}]"#
                ).send(to: octavo.base)
                #expect(answer.status == 204, "\(answer.body)")
            }
            try await set("one")
            let told = try await eventually("the app is told\n\(octavo.process.errors)") { app.seen("/configuration/configstore/an%20item").last }
            #expect(told["id"]?.string == id && told["data"]?.string?.contains(#""value": "one""#) == true, "\(told)")
            let ended = try await Curl(path: "/v1.0/configuration/configstore/\(id)/unsubscribe").send(to: octavo.base)
            #expect(ended.json?["ok"]?.bool == true)
            // Another one hears of the next change, the ended one does not.
            let again = try await Curl(path: "/v1.0/configuration/configstore/subscribe?key=an%20item").send(to: octavo.base)
            let next = try #require(again.json?["id"]?.string)
            try await set("two")
            let all = try await eventually("the app is told again") {
                let all = app.seen("/configuration/configstore/an%20item").filter { $0["data"]?.string?.contains("two") == true }
                return all.isEmpty ? nil : all
            }
            #expect(all.map { $0["id"]?.string } == [next])
        }
    }
}
