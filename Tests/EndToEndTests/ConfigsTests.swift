import Foundation
import JSONText
import Testing

@Suite("Each folder of configs/", .serialized)
struct ConfigsTests {
    private static let folders = ((try? FileManager.default.contentsOfDirectory(atPath: Places.package + "/configs")) ?? []).sorted()

    @Test("loads as it is, and each of its state stores answers", arguments: folders)
    func loads(folder: String) async throws {
        let scratch = try Scratch()
        let source = Places.package + "/configs/" + folder
        let files = try FileManager.default.contentsOfDirectory(atPath: source).sorted()
        #expect(!files.isEmpty)
        var server: RedisServer?
        for file in files {
            var text = try String(contentsOfFile: source + "/" + file, encoding: .utf8)
            // Redis's usual port may be somebody's; the rest stays as it is.
            if text.contains("localhost:6379") {
                let started = try await RedisServer.start()
                server = started
                text = text.replacingOccurrences(of: "localhost:6379", with: "localhost:\(started.port)")
            }
            try scratch.write(text, to: "resources/" + file)
        }
        try await OctavoProcess.with(in: scratch, flags: ["--resources-path", scratch.file("resources")]) { (octavo) async throws in
            let components = try await octavo.json("component", "list")["components"]?.array ?? []
            #expect(!components.isEmpty)
            for component in components {
                #expect(component["state"]?.string == "ready", "\(component)")
                guard let name = component["name"]?.string, component["type"]?.string?.hasPrefix("state.") == true else { continue }
                let store = "/v1.0/state/" + name
                let saved = try await Curl(method: "POST", path: store, body: #"[{"key":"a","value":{"b":1}}]"#).send(to: octavo.base)
                #expect(saved.status == 204, "\(saved)")
                #expect(try await Curl(path: store + "/a").send(to: octavo.base).body == #"{"b":1}"#)
            }
            #expect(try await octavo.json("doctor")["findings"]?.array == [])
            #expect(!octavo.process.errors.contains("WARN"), "\(octavo.process.errors)")
        }
        try await server?.killed()
    }
}
