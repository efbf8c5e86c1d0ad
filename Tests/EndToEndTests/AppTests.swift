import Foundation
import Testing

@Suite("`octavo run -- COMMAND` runs an app beside the runtime", .serialized)
struct AppTests {
    private func run(_ command: [String], flags: [String] = []) async throws -> Subprocess.Result {
        try await OctavoProcess.launch(in: try Scratch(), flags: flags, command: command).ended()
    }

    @Test("with the ports, the app's id and its own environment")
    func environment() async throws {
        let process = try OctavoProcess.launch(
            in: try Scratch(), flags: ["--app-port", "8123", "--app-protocol", "grpc"],
            environment: ["OWN": "kept", "APP_ID": "of somebody else"], command: ["env"])
        let end = try await process.ended()
        #expect(end.code == 0, "\(end.errors)")
        var found: [String: String] = [:]
        for line in end.output.split(separator: "\n") {
            let parts = line.split(separator: "=", maxSplits: 1)
            if parts.count == 2 { found[String(parts[0])] = String(parts[1]) }
        }
        #expect(found["APP_ID"] == "demo")
        #expect(found["APP_PORT"] == "8123")
        #expect(found["APP_PROTOCOL"] == "grpc")
        #expect(found["OWN"] == "kept")
        for name in ["DAPR_HTTP_PORT", "DAPR_GRPC_PORT", "DAPR_METRICS_PORT"] {
            #expect((found[name].flatMap { Int($0) } ?? 0) > 0, "\(name) is \(found[name] ?? "absent")")
            #expect(end.errors.contains(":\(found[name] ?? "?")"), "no listener at \(name)")
        }
    }

    @Test("which can call the runtime at once")
    func ready() async throws {
        let script = #"curl -sS --fail-with-body -d '[{"key":"a","value":7}]' "$U" && curl -sS "$U/a""#
        let end = try await run(["sh", "-c", "U=http://127.0.0.1:$DAPR_HTTP_PORT/v1.0/state/statestore; " + script])
        #expect(end.code == 0, "\(end.errors)")
        #expect(end.output == "7")
    }

    @Test("and passes its end on", arguments: [
        ("exit 0", Int32(0)), ("exit 7", 7), ("exit 255", 255), ("kill -9 $$", 137), ("kill -TERM $$", 143),
    ])
    func exitCode(script: String, code: Int32) async throws {
        let end = try await run(["sh", "-c", script])
        #expect(end.code == code, "\(end.errors)")
    }

    @Test("and says which app can't be started, with 127")
    func missing() async throws {
        let end = try await run(["/no/such/app"])
        #expect(end.code == 127)
        #expect(end.errors.contains("/no/such/app can't be started: No such file or directory"), "\(end.errors)")
    }

    @Test("and forwards SIGTERM, lets the app finish, and then stops", arguments: [SIGTERM, SIGINT])
    func forwards(signal: Int32) async throws {
        let scratch = try Scratch()
        // The app writes on its way out, and the runtime still serves it then.
        let script = """
            trap 'curl -sS -o /dev/null -w "%{http_code}" http://127.0.0.1:$DAPR_HTTP_PORT/v1.0/healthz/outbound; \
            exit 3' TERM INT
            echo started > \(scratch.file("started"))
            while :; do sleep 0.02; done
            """
        let process = try OctavoProcess.launch(in: scratch, command: ["sh", "-c", script])
        _ = try await eventually("the app's start\n\(process.errors)") { scratch.read("started").isEmpty ? nil : () }
        process.kill(signal)
        let end = try await process.ended(within: .seconds(15))
        #expect(end.code == 3, "\(end.errors)")
        #expect(end.output.count == 3, "the app could not call the runtime while it stopped: \(end.output)\(end.errors)")
    }

    @Test("and kills an app that does not go")
    func stubborn() async throws {
        let scratch = try Scratch()
        let script = "trap '' TERM; echo $$ > \(scratch.file("started")); while :; do sleep 0.05; done"
        let process = try OctavoProcess.launch(
            in: scratch, flags: ["--dapr-graceful-shutdown-seconds", "1"], command: ["sh", "-c", script])
        let app = try await eventually("the app's start\n\(process.errors)") {
            Int32(scratch.read("started").trimmingCharacters(in: .whitespacesAndNewlines))
        }
        process.kill(SIGTERM)
        let end = try await process.ended(within: .seconds(20))
        #expect(end.code == 137, "\(end.errors)")
        #expect(kill(app, 0) != 0, "the app outlived the runtime")
    }
}
