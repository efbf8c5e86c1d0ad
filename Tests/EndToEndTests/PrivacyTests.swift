import Foundation
import JSONText
import Testing

@Suite("Nothing that is told holds a secret or a payload", .serialized, .enabled(if: Places.hasSDK, "tools/setup test installs the collector's messages"))
struct PrivacyTests {
    /// Words that are planted wherever an app or an operator can put something that is not for others.
    private static let planted = [
        "planted-password", "planted-payload", "planted-query", "planted-header", "planted-token", "planted-collector-key", "planted-app-token",
    ]

    @Test("spans, traces, logs, metrics, load and status")
    func everything() async throws {
        let collector = try await Collector.start(), redis = try await RedisServer.start()
        let scratch = try Scratch()
        try scratch.write(
            Resource.component("store", "state.redis", [("redisHost", "127.0.0.1:\(redis.port)"), ("redisUsername", "default"), ("redisPassword", "planted-password")]),
            to: "resources/store.yaml")
        try scratch.write(Resource.component("bus", "pubsub.in-memory"), to: "resources/bus.yaml")
        try scratch.write(
            """
            apiVersion: dapr.io/v1alpha1
            kind: Configuration
            metadata:
              name: private
            spec:
              tracing:
                samplingRate: "1"
                slowRequest: 0ms
                zipkin:
                  endpointAddress: http://127.0.0.1:\(collector.http)/api/v2/spans
                otel:
                  protocol: grpc
                  isSecure: false
                  endpointAddress: 127.0.0.1:\(collector.grpc)
                  headers: x-key=planted-collector-key
              metrics:
                recordErrorCodes: true
                http:
                  increasedCardinality: true
              logging:
                apiLogging:
                  enabled: true
            """, to: "config.yaml")
        let app = try await SubscriberApp.start("http")
        let octavo = try await OctavoProcess.start(
            in: scratch,
            flags: [
                "--app-port", "\(app.port)", "--resources-path", scratch.file("resources"), "--config", scratch.file("config.yaml"), "--log-as-json",
                "--log-level", "debug",
            ], environment: ["DAPR_API_TOKEN": "planted-token", "APP_API_TOKEN": "planted-app-token"], untilReady: false)
        let headers = ["dapr-api-token: planted-token", "x-mine: planted-header", "content-type: application/json", "authorization: Bearer planted-header"]
        func send(_ method: String, _ path: String, _ body: String? = nil) async throws {
            _ = try await Curl(method: method, path: path + "?metadata.x=planted-query", headers: headers, body: body).send(to: octavo.base, seconds: 30)
        }
        try await send("POST", "/v1.0/state/store", #"[{"key": "k", "value": "planted-payload"}]"#)
        try await send("GET", "/v1.0/state/store/k")
        try await send("POST", "/v1.0/state/store", #"{"planted-payload"#)
        try await send("POST", "/v1.0/publish/bus/plain", "\"planted-payload\"")
        try await send("POST", "/v1.0/publish/nope/plain", "\"planted-payload\"")
        try await send("POST", "/v1.0/invoke/demo/method/plain", "\"planted-payload\"")
        try await send("POST", "/v1.0/invoke/nobody/method/plain", "\"planted-payload\"")
        _ = try await Curl(path: "/v1.0/state/store/k", headers: ["dapr-api-token: planted-header"]).send(to: octavo.base)
        _ = try await eventually("the delivery is a span", within: .seconds(40)) { collector.spans.first { $0.name == "pubsub/plain" } }
        // The app's own output has what it was given; the runtime's outputs have not.
        #expect(app.process.output.contains("planted-payload"))
        var told: [(String, String)] = []
        for command in [["trace"], ["trace", "--json"], ["logs"], ["logs", "--json"], ["top", "--once"], ["top", "--once", "--json"], ["status", "--json"],
            ["component", "list", "--json"], ["component", "describe", "store", "--json"], ["doctor", "--json"], ["subscription", "list", "--json"]]
        {
            let end = try await Subprocess.run(Places.octavo, command + ["--admin-socket", octavo.adminSocket])
            told.append((command.joined(separator: " "), end.output + end.errors))
        }
        #expect(told[0].1.contains("/v1.0/state/store"), "\(told[0].1)")
        told.append(("metrics", try await Curl(path: "/metrics").send(to: "http://127.0.0.1:\(octavo.metrics)").body))
        octavo.process.kill(SIGTERM)
        _ = try await octavo.process.ended()
        told.append(("the log", octavo.process.errors + octavo.process.output))
        // What the collector itself was sent as its key is meant for it.
        let spans = collector.spans.map { span in
            "\(span.name) \(span.json["attributes"].map { "\($0)" } ?? "") \(span.text("state")) \(span.service)"
        }
        #expect(spans.count > 10)
        told.append(("spans", spans.joined(separator: "\n")))
        for (what, text) in told {
            for word in Self.planted { #expect(!text.contains(word), "\(word) is in \(what): \(text.split(separator: "\n").filter { $0.contains(word) })") }
        }
        // Each line of the log is JSON, and those of requests name the trace.
        let lines = octavo.process.errors.split(separator: "\n").compactMap { try? JSONValue(parsing: String($0)) }
        let calls = lines.filter { $0["msg"]?.string == "HTTP API called" }
        #expect(calls.count >= 8 && calls.contains { $0["trace_id"]?.string?.count == 32 })
    }
}
