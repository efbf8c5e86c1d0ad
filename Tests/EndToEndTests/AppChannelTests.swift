import Foundation
import JSONText
import Testing

@Suite("The runtime and its app", .enabled(if: Places.hasSDK, "tools/setup test installs it"))
struct AppChannelTests {
    /// Serves /healthz, and nothing else.
    private static func app(_ port: Int) -> [String] {
        let script = """
            import http.server as h
            class App(h.BaseHTTPRequestHandler):
                def log_message(self, *arguments): pass
                def do_GET(self):
                    self.send_response(200 if self.path == "/healthz" else 404)
                    self.send_header("content-length", "0")
                    self.end_headers()
            h.ThreadingHTTPServer(("127.0.0.1", \(port)), App).serve_forever()
            """
        return ["-c", script]
    }

    private func app(_ octavo: OctavoProcess) async throws -> JSONValue? {
        let answer = try await Subprocess.run(Places.octavo, ["status", "--json", "--admin-socket", octavo.adminSocket])
        return try JSONValue(parsing: answer.output)["app"]
    }

    @Test("readiness waits for the app's port once; status says whether it is reached", arguments: [false, true])
    func readiness(probes: Bool) async throws {
        let reserved = try ReservedPort()
        let port = reserved.port
        defer { withExtendedLifetime(reserved) {} }
        let flags = ["--app-port", "\(port)"] + (probes ? ["--enable-app-health-check", "--app-health-probe-interval", "1"] : [])
        try await OctavoProcess.with(flags: flags, untilReady: false) { (octavo) async throws in
            // Components are up, so that an app may go on that waits for them.
            _ = try await eventually("outbound readiness") {
                try await Curl(path: "/v1.0/healthz/outbound").send(to: octavo.base).status == 204 ? () : nil
            }
            let early = try await Curl(path: "/v1.0/healthz").send(to: octavo.base)
            #expect(early.status == 500 && early.body.contains("the app does not accept connections yet"), "\(early.body)")
            #expect(try await app(octavo)?["healthy"]?.bool == false)
            #expect(!octavo.process.errors.contains("up and running"))

            let first = try Subprocess(Places.python, Self.app(port))
            _ = try await eventually("readiness") {
                try await Curl(path: "/v1.0/healthz").send(to: octavo.base).status == 204 ? () : nil
            }
            _ = try await eventually("the app in status") { try await app(octavo)?["healthy"]?.bool == true ? () : nil }
            _ = try await eventually("the log's word") { octavo.process.errors.contains("up and running") ? () : nil }

            first.kill(SIGKILL)
            _ = try await first.ended()
            let down = try await eventually("the app's end in status", within: .seconds(20)) {
                let app = try await app(octavo)
                return app?["healthy"]?.bool == false ? app : nil
            }
            #expect(down["reason"]?.string?.isEmpty == false)
            #expect(try await Curl(path: "/v1.0/healthz").send(to: octavo.base).status == 204)
            let metadata = try await Curl(path: "/v1.0/metadata").send(to: octavo.base)
            let health = metadata.json?["appConnectionProperties"]?["health"]
            #expect(health?["healthProbeInterval"]?.string == (probes ? "1s" : nil))
            #expect(health?["healthProbeTimeout"]?.string == (probes ? "500ms" : nil))

            let second = try Subprocess(Places.python, Self.app(port))
            _ = try await eventually("the app's return", within: .seconds(20)) {
                try await app(octavo)?["healthy"]?.bool == true ? () : nil
            }
            second.kill(SIGKILL)
            _ = try await second.ended()
        }
    }
}
