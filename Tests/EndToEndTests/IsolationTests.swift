import Foundation
import JSONText
import Testing

@Suite("An isolated plugin that dies under load", .serialized)
struct IsolationTests {
    @Test("costs nobody else anything, loses no acknowledged write, and leaves no call without an answer",
          .enabled(if: Places.hasSDK, "tools/setup test installs a client"))
    func storm() async throws {
        let scratch = try Scratch()
        let report = scratch.file("storm.json")
        let storm = try await Subprocess.run(
            Places.python, [
                Places.package + "/tools/crash-storm", "--crashes", "15", "--pause", "0.2", "--octavo", Places.octavo, "--json", report,
            ], environment: ["PYTHONDONTWRITEBYTECODE": "1"], within: .seconds(120))
        #expect(storm.code == 0, "\(storm.output)\(storm.errors)")
        let figures = try JSONValue(parsing: scratch.read("storm.json"))
        #expect(figures["crashes"]?.integer == 15)
        #expect(figures["bystander_errors"]?.integer == 0)
        #expect(figures["calls_without_an_answer"]?.integer == 0)
        #expect(figures["acknowledged_writes_lost"]?.array?.isEmpty == true)
        #expect((figures["acknowledged_writes"]?.integer ?? 0) > 20)
    }

    @Test("is asked for in a resource, and a word that is none is refused")
    func annotation() async throws {
        let scratch = try Scratch()
        let file = try scratch.write(
            """
            apiVersion: dapr.io/v1alpha1
            kind: Component
            metadata: {name: apart, annotations: {octavo.io/isolation: process}}
            spec: {type: state.in-memory, version: v1}
            ---
            apiVersion: dapr.io/v1alpha1
            kind: Component
            metadata: {name: odd, annotations: {octavo.io/isolation: somewhere}}
            spec: {type: state.in-memory, version: v1}
            """, to: "stores.yaml")
        try await OctavoProcess.with(in: scratch, flags: ["--resources-path", file]) { octavo in
            let plugin = try await octavo.json("plugin", "describe", "memory")["summary"]
            #expect(plugin?["mode"]?.string == "isolated")
            #expect((plugin?["processID"]?.integer ?? 0) > 0)
            #expect(octavo.process.errors.contains(#"octavo.io/isolation is \"somewhere\"; it may be process or none"#))
            #expect(try await octavo.json("component", "list")["components"]?.array?.count == 1)
        }
    }
}
