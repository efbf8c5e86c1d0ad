import Foundation
import JSONText
import Testing

@Suite("What a runtime tells of itself")
struct TelemetryTests {
    /// Samples of the page by their names with labels.
    private func page(_ octavo: OctavoProcess) async throws -> [String: Double] {
        let answer = try await Curl(path: "/metrics").send(to: "http://127.0.0.1:\(octavo.metrics)")
        var samples: [String: Double] = [:]
        for line in answer.body.split(separator: "\n") where !line.hasPrefix("#") {
            guard let space = line.lastIndex(of: " "), let value = Double(line[line.index(after: space)...]) else {
                Issue.record("not a sample: \(line)")
                continue
            }
            #expect(samples.updateValue(value, forKey: String(line[..<space])) == nil, "twice: \(line)")
        }
        return samples
    }

    @Test("counts every call and request, also across reloads", arguments: ["in process", "isolated"])
    func counts(mode: String) async throws {
        try await OctavoProcess.with(flags: mode == "isolated" ? ["--isolate", "sqlite"] : []) { octavo in
            let path = "/v1.0/state/statestore"
            _ = try await Curl(method: "POST", path: path, body: #"[{"key": "a", "value": 1}]"#).send(to: octavo.base)
            for _ in 0..<40 { _ = try await Curl(path: path + "/a").send(to: octavo.base) }
            _ = try await octavo.json("plugin", "reload", "sqlite")
            for _ in 0..<10 { _ = try await Curl(path: path + "/a").send(to: octavo.base) }
            _ = try await Curl(path: "/v1.0/state/nope/a").send(to: octavo.base)
            let found = try await page(octavo)
            let component = #"{component="statestore",type="state.sqlite""#
            #expect(found["octavo_component_calls_total" + component + "}"] == 51)
            #expect(found["octavo_component_call_seconds_count" + component + #",operation="get"}"#] == 50)
            #expect(found["octavo_component_call_seconds_count" + component + #",operation="set"}"#] == 1)
            #expect(found[#"octavo_request_seconds_count{protocol="http",operation="GET state",code="200"}"#] == 50)
            #expect(found[#"octavo_request_seconds_count{protocol="http",operation="GET state",code="400"}"#] == 1)
            #expect(found[#"octavo_plugin_generation{plugin="sqlite"}"#] == 2)
            let list = try await octavo.json("component", "list")
            let figures = list["components"]?.array?.first { $0["name"]?.string == "statestore" }?["statistics"]
            #expect(figures?["calls"]?.integer == 51)
            let p50 = figures?["p50Nanoseconds"]?.integer ?? 0, p99 = figures?["p99Nanoseconds"]?.integer ?? 0
            #expect(p50 > 1000 && p99 >= p50 && p99 < 1_000_000_000)
        }
    }

    @Test("has few series, whatever clients ask for")
    func bounded() async throws {
        try await OctavoProcess.with { octavo in
            let before = try await page(octavo).count
            for index in 0..<300 { _ = try await Curl(path: "/v1.0/thing\(index)/\(index)").send(to: octavo.base) }
            let after = try await page(octavo)
            // Four histograms more, of times and of sizes: buckets, sum and count of each.
            #expect(after.count - before < 160)
            #expect(after[#"octavo_request_seconds_count{protocol="http",operation="GET other",code="404"}"#] == 300)
        }
    }

    @Test("logs each request when it is asked to, and never a payload")
    func apiLog() async throws {
        try await OctavoProcess.with(flags: ["--enable-api-logging"]) { octavo in
            let path = "/v1.0/state/statestore"
            _ = try await Curl(method: "POST", path: path, body: #"[{"key": "a", "value": "a-payload-of-mine"}]"#).send(to: octavo.base)
            _ = try await Curl(path: path + "/a?metadata.x=a-parameter-of-mine").send(to: octavo.base)
            try await eventually("two lines") { octavo.process.errors.split(separator: "\n").count { $0.contains("API called") } == 2 ? () : nil }
            let log = octavo.process.errors
            #expect(log.contains("method=\"GET /v1.0/state/statestore/a\"") && log.contains("code=200"))
            #expect(!log.contains("of-mine"))
        }
    }
}
