import Foundation
import Testing

@Suite("Who may use which API", .serialized, .enabled(if: Places.hasSDK, "tools/setup test installs the SDK"))
struct APIAccessTests {
    private func with(
        _ environment: [String: String], api: String = "", _ arguments: [String]
    ) async throws {
        let scratch = try Scratch()
        try scratch.write("apiVersion: dapr.io/v1alpha1\nkind: Configuration\nmetadata: {name: a}\nspec: {\(api)}\n", to: "config.yaml")
        let (app, port) = try await Names.app("http")
        try await OctavoProcess.with(flags: ["--app-port", "\(port)", "--config", scratch.file("config.yaml")], environment: environment) { octavo in
            let end = try await Subprocess.run(
                Places.python, [Places.script("api_access")] + arguments + ["demo"], environment: SDKTests.environment(octavo), within: .seconds(120))
            #expect(end.code == 0, "\(end.output)\(end.errors)")
        }
        app.kill(SIGKILL)
    }

    @Test("without the token nothing but health answers, on every route of HTTP and every method of gRPC, invocation among them")
    func token() async throws {
        try await with(["DAPR_API_TOKEN": "right-token", "APP_API_TOKEN": "of-the-app"], ["token", "right-token"])
    }

    @Test("invocation that is denied over one wire works over the other", arguments: ["http", "grpc"])
    func denied(wire: String) async throws {
        try await with([:], api: "api: {denied: [{name: invoke, version: v1, protocol: \(wire)}]}", ["denied", wire])
    }
}
