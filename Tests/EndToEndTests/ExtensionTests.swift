import Foundation
import JSONText
import Testing

@Suite("Apps of Dapr's Python extensions", .serialized, .enabled(if: Places.hasSDK, "tools/setup test installs it"))
struct ExtensionTests {
    private struct App {
        let process: Subprocess

        init(_ kind: String, _ port: ReservedPort, _ more: String...) throws {
            process = try Subprocess(Places.python, [Places.script("extension_app"), kind, "\(port.port)"] + more)
        }

        func data(_ path: String) -> [String] {
            process.output.split(separator: "\n").compactMap { try? JSONValue(parsing: String($0)) }
                .filter { $0["path"]?.string == path }.compactMap { $0["data"]?.string }
        }
    }

    @Test("hear of their topics by rules, drop to dead letters, and get again what they were killed at", arguments: ["grpc", "fastapi"])
    func subscribe(kind: String) async throws {
        let port = try ReservedPort()
        let app = try App(kind, port, "hold")
        let scratch = try Scratch()
        let bus = Resource.component("bus", "pubsub.sqlite", [("connectionString", scratch.file("messages.db")), ("leaseTime", "1s")])
        try scratch.write(bus, to: "resources/bus.yaml")
        // The extension for FastAPI knows no rules.
        let routed = """
            apiVersion: dapr.io/v2alpha1
            kind: Subscription
            metadata: {name: routed}
            spec:
              pubsubname: bus
              topic: routed
              routes: {rules: [{match: event.type == "important", path: /important}], default: /ordinary}

            """
        if kind == "fastapi" { try scratch.write(routed, to: "resources/routed.yaml") }
        let flags = [
            "--resources-path", scratch.file("resources"), "--app-port", "\(port.port)", "--app-protocol",
            kind == "grpc" ? "grpc" : "http", "--enable-app-health-check", "--app-health-probe-interval", "1",
            "--app-health-probe-timeout", "900",
        ]
        func publish(_ text: String, to topic: String, _ query: String, _ octavo: OctavoProcess) async throws {
            let answer = try await Curl(
                method: "POST", path: "/v1.0/publish/bus/\(topic)\(query)", headers: ["content-type: text/plain"], body: text
            ).send(to: octavo.base)
            #expect(answer.status == 204, "\(answer.body)")
        }
        try await OctavoProcess.with(in: scratch, flags: flags) { octavo in
            func comes(_ path: String, _ wanted: String, to app: App) async throws {
                _ = try await eventually("\(path) gets \(wanted)\n\(app.process.output)\(app.process.errors)\(octavo.process.errors)", within: .seconds(30)) {
                    app.data(path) == [wanted] ? true : nil
                }
            }
            // What is published before a topic has a group is nobody's.
            _ = try await eventually("every topic is subscribed to\n\(octavo.process.errors)") {
                let all = try await octavo.json("subscription", "list")["subscriptions"]?.array ?? []
                return all.count == 4 && all.allSatisfy { $0["state"]?.string == "active" } ? true : nil
            }
            try await publish("a", to: "routed", "", octavo)
            try await publish("b", to: "routed", "?metadata.cloudevent.type=important", octavo)
            try await publish("c", to: "unwanted", "", octavo)
            try await comes("ordinary", "a", to: app)
            try await comes("important", "b", to: app)
            try await comes("unwanted", "c", to: app)
            try await comes("graves", "c", to: app)
            #expect(!app.data("health").isEmpty)
            try await publish("hold", to: "orders", "", octavo)
            try await comes("orders", "hold", to: app)
            app.process.kill(SIGKILL)
            _ = try await app.process.ended()
            let second = try App(kind, port)
            try await comes("orders", "hold", to: second)
            #expect(second.data("graves").isEmpty && second.data("important").isEmpty)
        }
    }
}
