import Foundation
import JSONText
import Testing

@Suite("Rolling restarts under load")
struct RollingRestartTests {
    @Test("of the app and the runtime lose nothing and make no dead letters", arguments: ["redis", "sqlite"])
    func restarts(broker: String) async throws {
        let ended = try await Subprocess.run(
            "\(Places.package)/tools/rolling-restarts", ["--restarts", "20", "--broker", broker, "--octavo", Places.octavo], within: .seconds(300))
        #expect(ended.code == 0, "\(ended.output)\(ended.errors)")
        let found = try JSONValue(parsing: ended.output)
        #expect(found["lost"]?.integer == 0 && found["deadLettered"]?.integer == 0, "\(found)")
        #expect((found["acknowledged"]?.integer ?? 0) > 100, "\(found)")
    }
}
