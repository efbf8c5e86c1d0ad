import Foundation
import JSONText
import Testing

@Suite("Apps on real servers of every wire", .enabled(if: Places.hasSDK, "tools/setup test installs it"))
struct AppWireTests {
    @Test(
        "an app over TLS, or HTTP/2 without it, hears of bindings and topics and is healthy",
        arguments: [("https", "1.1", "https"), ("h2c", "2", "http"), ("grpcs", "2", "ssl"), ("http", "1.1", "http"), ("grpc", "2", "insecure")])
    func wires(wire: String, version: String, scheme: String) async throws {
        let made = try await Certificates()
        let app = try await WorkerApp.start(wire, made)
        let scratch = try Scratch()
        try scratch.write(
            Resource.component("way", "bindings.cron", [("schedule", "* * * * * *"), ("direction", "input")]) + "---\n"
                + Resource.component("bus", "pubsub.in-memory"), to: "resources/all.yaml")
        let flags = [
            "--resources-path", scratch.file("resources"), "--app-port", "\(app.port)", "--app-protocol", wire, "--enable-app-health-check",
            "--app-health-probe-interval", "1",
        ]
        try await OctavoProcess.with(in: scratch, flags: flags) { octavo in
            try await eventually("an event of a binding\n\(app.process.errors)\(octavo.process.errors)") { app.events.contains { $0.path == "/way" } ? () : nil }
            try await eventually("the topic is subscribed to\n\(octavo.process.errors)") { () async throws -> Void? in
                let all = try await octavo.json("subscription", "list")["subscriptions"]?.array ?? []
                return !all.isEmpty && all.allSatisfy { $0["state"]?.string == "active" } ? () : nil
            }
            // Longer than a window of HTTP/2, or a record of TLS.
            let long = String(repeating: "0123456789", count: 20_000)
            for text in ["first", long, "last"] {
                let answer = try await Curl(
                    method: "POST", path: "/v1.0/publish/bus/t", headers: ["content-type: text/plain"], body: text
                ).send(to: octavo.base)
                #expect(answer.status == 204, "\(answer.body)")
            }
            for text in ["first", long, "last"] {
                try await eventually("a message\n\(octavo.process.errors)") { app.done.contains { $0.contains(text) } ? () : nil }
            }
            let events = app.events.filter { $0.step == "begin" }
            #expect(Set(events.map(\.path)) == ["/way", "/t"])
            #expect(events.allSatisfy { $0.version == version && $0.scheme == scheme }, "\(events.map { ($0.version, $0.scheme) })")
            let probes = wire.hasPrefix("grpc")
                ? #"dapr_grpc_io_healthprobes_completed_count{app_id="demo",grpc_client_status="OK"}"#
                : #"dapr_http_healthprobes_completed_count{app_id="demo",status="200"}"#
            let samples = try await eventually("questions for health are counted") { () -> [String: Double]? in
                let samples = try await octavo.samples()
                return (samples[probes] ?? 0) >= 1 ? samples : nil
            }
            #expect(samples[probes.replacingOccurrences(of: "completed_count", with: "roundtrip_latency_count")] == samples[probes])
            let status = try await Subprocess.run(Places.octavo, ["status", "--json", "--admin-socket", octavo.adminSocket])
            #expect(try JSONValue(parsing: status.output)["app"]?["healthy"]?.bool == true)
        }
    }
}
