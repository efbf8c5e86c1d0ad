import Foundation
import JSONText
import Testing

/// What is created by an output binding comes to the app by the input binding of the same queue or topic.
enum BindingRoundTrip {
    /// `settings` are those of the component `way` of `type`; `expected` is a header that its events have.
    static func run(
        _ type: String, _ settings: [(String, String)], metadata: (String, String), expected: (String, String), flags: [String]
    ) async throws {
        let app = try Subprocess(Places.python, [Places.script("binding_app")])
        let port = try await eventually("the app listens: \(app.errors)") { app.output.split(separator: "\n").first.flatMap { Int($0) } }
        let scratch = try Scratch()
        try scratch.write(Resource.component("way", type, settings), to: "resources/way.yaml")
        let flags = ["--resources-path", scratch.file("resources"), "--app-port", "\(port)"] + flags
        try await OctavoProcess.with(in: scratch, flags: flags) { octavo in
            func create(_ text: String) async throws {
                let answer = try await Curl(
                    method: "POST", path: "/v1.0/bindings/way", headers: ["content-type: application/json"],
                    body: #"{"operation":"create","data":"\#(text)","metadata":{"\#(metadata.0)":"\#(metadata.1)"}}"#
                ).send(to: octavo.base)
                #expect(answer.status == 204 || answer.status == 200, "\(answer.status) \(answer.body)")
            }
            func seen() -> [JSONValue] {
                app.output.split(separator: "\n").dropFirst().compactMap { try? JSONValue(parsing: String($0)) }.filter { $0["path"]?.string == "/way" }
            }
            for number in 0..<20 { try await create("event \(number)") }
            try await create("flaky")
            try await eventually("all events: \(app.output)\(octavo.process.errors)") {
                let texts = seen().compactMap { $0["data"]?.string }
                let all = (0..<20).allSatisfy { number in texts.filter { $0.contains("event \(number)\"") || $0 == "event \(number)" }.count == 1 }
                return all && texts.filter { $0.contains("flaky") }.count == 2 ? () : nil
            }
            #expect(seen().allSatisfy { $0["headers"]?[expected.0]?.string == expected.1 }, "\(app.output.prefix(1000))")
            let refused = try await Curl(
                method: "POST", path: "/v1.0/bindings/way", headers: ["content-type: application/json"], body: #"{"operation":"list"}"#
            ).send(to: octavo.base)
            #expect(refused.status >= 400 && refused.body.contains("create"), "\(refused.status) \(refused.body)")
        }
    }
}
