import Foundation
import Testing

@Suite("Clients of the Python world work unmodified", .serialized, .enabled(if: Places.hasSDK, "tools/setup test installs them"))
struct SDKTests {
    /// Environment of an app beside the runtime.
    static func environment(_ octavo: OctavoProcess) -> [String: String] {
        ["DAPR_HTTP_PORT": "\(octavo.http)", "DAPR_GRPC_PORT": "\(octavo.grpc)", "PYTHONDONTWRITEBYTECODE": "1"]
    }

    static func run(_ script: String, _ arguments: [String], _ octavo: OctavoProcess) async throws {
        let end = try await Subprocess.run(
            Places.python, [Places.script(script)] + arguments, environment: environment(octavo))
        guard end.code == 0 else { throw Trouble("\(script).py ended with \(end.code):\n\(end.output)\(end.errors)") }
    }

    @Test("The Dapr SDK saves, reads, compares etags, commits, expires and tells errors with their details")
    func state() async throws {
        try await OctavoProcess.with { octavo in
            try await SDKTests.run("state", ["statestore"], octavo)
        }
    }

    @Test("Reflection, health, deadlines, cancellation and limits are as gRPC's own client expects them")
    func wire() async throws {
        try await OctavoProcess.with { octavo in
            try await SDKTests.run("wire", ["\(octavo.grpc)"], octavo)
        }
    }

    @Test("The API token is asked for over gRPC, too")
    func token() async throws {
        try await OctavoProcess.with(environment: ["DAPR_API_TOKEN": "s3cret"]) { octavo in
            try await SDKTests.run("api_token", ["\(octavo.grpc)", "s3cret"], octavo)
        }
    }

    @Test("The SDK as the app of `octavo run` finds the runtime by its environment alone")
    func besideTheRuntime() async throws {
        let process = try OctavoProcess.launch(
            in: try Scratch(), environment: ["PYTHONDONTWRITEBYTECODE": "1"],
            command: [Places.python, Places.script("state")])
        let end = try await process.ended()
        #expect(end.code == 0, "\(end.output)\(end.errors)")
        #expect(end.output.hasSuffix("metadata\n"))
    }
}
