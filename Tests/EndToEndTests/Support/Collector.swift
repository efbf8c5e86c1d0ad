import Foundation
import JSONText

/// A collector of traces and metrics in Python, with OpenTelemetry's own messages: what it was sent is its output.
struct Collector {
    struct Span {
        let json: JSONValue
        func text(_ name: String) -> String { json[name]?.string ?? "" }
        var name: String { text("name") }
        var id: String { text("id") }
        var parent: String { text("parent") }
        var trace: String { text("trace") }
        var service: String { text("service") }
        func attribute(_ name: String) -> String? {
            json["attributes"]?[name].flatMap { value in value.string ?? value.integer.map { "\($0)" } }
        }
    }

    let process: Subprocess
    let grpc: Int
    let http: Int

    /// The first `busy` requests are refused as a busy collector does it. `again`: in the place of one that has ended.
    static func start(busy: Int = 0, again: Collector? = nil) async throws -> Collector {
        let ports = again.map { ["\($0.grpc)", "\($0.http)"] } ?? []
        let process = try Subprocess(Places.python, [Places.script("collector"), "\(busy)"] + ports)
        let told = try await eventually("collector.py listens: \(process.errors)", within: .seconds(30)) { () -> JSONValue? in
            if process.code != nil { throw Trouble("collector.py ended: \(process.errors)") }
            return process.output.split(separator: "\n").first.flatMap { try? JSONValue(parsing: String($0)) }
        }
        guard let grpc = told["grpc"]?.integer, let http = told["http"]?.integer else { throw Trouble("no ports: \(process.output)") }
        return Collector(process: process, grpc: Int(grpc), http: Int(http))
    }

    private var messages: [JSONValue] {
        process.output.split(separator: "\n").dropFirst().compactMap { try? JSONValue(parsing: String($0)) }
    }

    var spans: [Span] { messages.filter { $0["trace"] != nil }.map(Span.init) }

    /// All messages of metrics.
    var metrics: [JSONValue] { messages.filter { $0["values"] != nil } }

    /// What was told last of each series that the metrics page has, by its name there; those of one reading alone.
    var values: [String: Double] {
        let all = metrics
        guard let last = all.last?["time"]?.string else { return [:] }
        var values: [String: Double] = [:]
        for message in all where message["time"]?.string == last {
            for (name, value) in message["values"]?.members ?? [] { values[name] = value.string.flatMap { Double($0) } }
        }
        return values
    }

    /// The members of `spec.tracing` that send spans here, indented by four.
    func settings(_ way: String, rate: String = "1") -> String {
        let target =
            switch way {
            case "zipkin": "zipkin:\n      endpointAddress: http://127.0.0.1:\(http)/api/v2/spans"
            case "http":
                "otel:\n      protocol: http\n      isSecure: false\n      endpointAddress: 127.0.0.1:\(http)\n      headers:\n"
                    + "      - name: X-Collector-Key\n        value: key-of-the-collector"
            default:
                "otel:\n      protocol: grpc\n      isSecure: false\n      endpointAddress: 127.0.0.1:\(grpc)\n"
                    + "      headers: X-Collector-Key=key-of-the-collector"
            }
        return "    samplingRate: \"\(rate)\"\n    \(target)"
    }

    /// The spans of a trace, once there are `count`.
    func trace(_ id: String, count: Int) async throws -> [Span] {
        try await eventually("\(count) spans of \(id): \(process.output)", within: .seconds(40)) {
            let found = spans.filter { $0.trace == id }
            return found.count >= count ? found : nil
        }
    }
}
