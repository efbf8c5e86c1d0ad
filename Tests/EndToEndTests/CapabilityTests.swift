import Testing

@Suite("The metadata that the SDK reads", .enabled(if: Places.hasSDK, "tools/setup test installs it"))
struct CapabilityTests {
    @Test("says of each kind of component what it can do, in Dapr's words", arguments: StoresTests.modes)
    func words(flags: [String]) async throws {
        let scratch = try Scratch()
        func write(_ name: String, _ type: String, _ metadata: [(String, String)] = []) throws {
            try scratch.write(Resource.component(name, type, metadata), to: "resources/\(name).yaml")
        }
        try scratch.write(#"{"a": "b"}"#, to: "items.json")
        try write("state", "state.sqlite")
        try write("broker", "pubsub.sqlite")
        try write("memory", "pubsub.in-memory")
        try write("lock", "lock.sqlite")
        try write("items", "configuration.file", [("file", scratch.file("items.json"))])
        try write("secrets", "secretstores.local.file", [("secretsFile", scratch.file("items.json")), ("multiValued", "false")])
        try await OctavoProcess.with(in: scratch, flags: ["--resources-path", scratch.file("resources")] + flags) { octavo in
            let end = try await Subprocess.run(
                Places.python, [Places.script("capabilities")], environment: SDKTests.environment(octavo))
            #expect(end.code == 0, "\(end.errors)")
            let lines = Set(end.output.split(separator: "\n").map { $0.split(separator: " ", omittingEmptySubsequences: false).joined(separator: " ") })
            #expect(lines.contains("state state.sqlite ETAG,TRANSACTIONAL,TTL,QUERY_API,DELETE_WITH_PREFIX,KEYS_LIKE,ACTOR"))
            #expect(lines.contains("broker pubsub.sqlite MESSAGE_TTL"))
            #expect(lines.contains("secrets secretstores.local.file MULTIPLE_KEY_VALUES_PER_SECRET"))
            #expect(lines.contains("lock lock.sqlite "))
            #expect(lines.contains("items configuration.file "))
            #expect(lines.count == 6)
        }
    }
}
