import Testing

@Suite("Slow readers", .enabled(if: Places.hasSDK, "tools/setup test installs Python's environment"))
struct SlowReaderTests {
    @Test("a client that reads slowly gets all of the last answer of its connection")
    func lastAnswer() async throws {
        let scratch = try Scratch()
        try scratch.write(Resource.component("store", "state.in-memory"), to: "resources/store.yaml")
        try await OctavoProcess.with(in: scratch, flags: ["--resources-path", scratch.file("resources")]) { octavo in
            let port = String(octavo.addresses["http"]?.split(separator: ":").last ?? "")
            let run = try await Subprocess.run(Places.python, [Places.script("slow_reader"), port], within: .seconds(60))
            #expect(run.code == 0, "\(run.errors)")
        }
    }
}
