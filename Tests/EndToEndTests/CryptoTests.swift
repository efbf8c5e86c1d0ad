import Foundation
import Testing

/// Dapr's crypto API end to end: the real SDK, raw gRPC, HTTP, and an independent implementation of the scheme.
@Suite("Cryptography", .serialized, .enabled(if: Places.hasSDK, "tools/setup test installs it"))
struct CryptoTests {
    static let parts = ["crossing", "tampering", "faults", "subtle", "streams"]

    /// Starts a runtime beside keys that are made for it.
    private func run(_ part: String, _ flags: [String]) async throws {
        let scratch = try Scratch()
        let made = try await Subprocess.run(Places.python, [Places.scripts + "/crypto/keys.py", scratch.path])
        try #require(made.code == 0, "\(made.errors)")
        let resources = [
            Resource.component("folder", "crypto.dapr.localstorage", [("path", scratch.file("keys"))]),
            Resource.component("set", "crypto.dapr.jwks", [("jwks", scratch.file("jwks.json"))]),
            Resource.component("statestore", "state.in-memory"),
        ]
        try scratch.write(resources.joined(separator: "---\n"), to: "resources/all.yaml")
        try await OctavoProcess.with(in: scratch, flags: ["--resources-path", scratch.file("resources")] + flags) { octavo in
            var environment = SDKTests.environment(octavo)
            environment["OCTAVO_PID"] = "\(octavo.process.processID)"
            let end = try await Subprocess.run(
                Places.python, [Places.scripts + "/crypto", scratch.path, part], environment: environment)
            if end.code != 0 { throw Trouble("\(part) ended with \(end.code):\n\(end.output)\(end.errors)") }
        }
    }

    @Test("Messages cross over, changes are refused, faults are told, keys work, streams stay small", arguments: parts)
    func inProcess(_ part: String) async throws { try await run(part, []) }

    @Test("All of it with the keys in a process of their own", arguments: parts)
    func isolated(_ part: String) async throws { try await run(part, ["--isolate", "crypto"]) }

    @Test("A set behind a URL is refused with what to do instead, and so is a folder that is not there")
    func refusals() async throws {
        let scratch = try Scratch()
        let resources = [
            Resource.component("url", "crypto.dapr.jwks", [("jwks", "https://example.com/jwks.json")]),
            Resource.component("nowhere", "crypto.dapr.localstorage", [("path", scratch.file("no-folder"))]),
        ]
        try scratch.write(resources.joined(separator: "---\n"), to: "resources/all.yaml")
        try await OctavoProcess.with(in: scratch, flags: ["--resources-path", scratch.file("resources")], untilReady: false) { octavo in
            _ = try await eventually("two failed components") { () async throws -> Bool? in
                let list = try await octavo.octavo("component", "list").output
                return list.contains("Fetch it into a file") && list.contains("no-folder") ? true : nil
            }
        }
    }
}
