import Foundation
import JSONText
import Testing

@Suite("Metrics are exported", .serialized, .enabled(if: Places.hasSDK, "tools/setup test installs the collector's messages"))
struct MetricsExportTests {
    private func configuration(_ scratch: Scratch, _ wire: String, _ address: String, more: String = "") throws -> [String] {
        try scratch.write(
            """
            apiVersion: dapr.io/v1alpha1
            kind: Configuration
            metadata:
              name: exported
            spec:
              metrics:
                otel:
                  protocol: \(wire)
                  isSecure: false
                  endpointAddress: \(address)
                  interval: 300ms
                  headers: X-Collector-Key=key-of-the-collector
            \(more)
            """, to: "config.yaml")
        return ["--config", scratch.file("config.yaml")]
    }

    /// Without what moves by itself.
    private func still(_ values: [String: Double]) -> [String: Double] {
        values.filter { !$0.key.hasPrefix("process_") && !$0.key.hasPrefix("octavo_metric_exports_total") }
    }

    private func use(_ octavo: OctavoProcess, _ count: Int) async throws {
        for index in 0..<count { _ = try await Curl(path: "/v1.0/state/statestore/k\(index)").send(to: octavo.base) }
        _ = try await Curl(path: "/v1.0/state/nope/k").send(to: octavo.base)
    }

    @Test("all that the page shows, by every wire, and once more at the end", arguments: ["grpc", "http"])
    func values(wire: String) async throws {
        let scratch = try Scratch(), collector = try await Collector.start(busy: 1)
        let flags = try configuration(scratch, wire, "127.0.0.1:\(wire == "grpc" ? collector.grpc : collector.http)")
        let octavo = try await OctavoProcess.start(in: scratch, flags: ["--app-id", "counted"] + flags, environment: ["NAMESPACE": "shops"])
        try await use(octavo, 40)
        let count = #"dapr_http_server_request_count{app_id="counted",method="GET",path="/v1.0/state",status="204"}"#
        var different = ""
        try await eventually("what was sent is what the page shows: \(different)", within: .seconds(40)) {
            let page = still(try await octavo.samples()), sent = still(collector.values)
            different = "\(page.filter { sent[$0.key] != $0.value }), \(sent.filter { page[$0.key] == nil })"
            return page == sent ? () : nil
        }
        let sent = collector.values
        #expect(sent[count] == 40 && (sent["process_resident_memory_bytes"] ?? 0) > 1_048_576)
        #expect((sent["process_cpu_seconds_total"] ?? 0) > 0)
        let message = try #require(collector.metrics.last)
        #expect(message["by"]?.string == wire && message["fields"]?["x-collector-key"]?.string == "key-of-the-collector")
        let resource = message["resource"]
        #expect(resource?["service.name"]?.string == "counted" && resource?["service.namespace"]?.string == "shops")
        #expect(resource?["service.instance.id"]?.string?.count == 32 && resource?["telemetry.sdk.name"]?.string == "octavo")
        let kinds = collector.metrics.reduce(into: [String: String]()) { kinds, message in
            for (name, kind) in message["kinds"]?.members ?? [] { kinds[name] = kind.string }
        }
        #expect(kinds["dapr_http_server_request_count"] == "sum" && kinds["dapr_http_server_latency"] == "histogram")
        #expect(kinds["octavo_ready"] == "gauge" && kinds["octavo_component_calls_total"] == "sum")
        #expect(!octavo.process.errors.contains("key-of-the-collector"))
        try await use(octavo, 5)
        try await octavo.stop()
        #expect(collector.values[count] == 45)
    }

    @Test("a collector that is gone costs one line of the log, and has everything when it is back")
    func restart() async throws {
        let scratch = try Scratch(), collector = try await Collector.start()
        let flags = try configuration(scratch, "grpc", "127.0.0.1:\(collector.grpc)")
        try await OctavoProcess.with(in: scratch, flags: flags) { octavo in
            try await eventually("metrics come", within: .seconds(30)) { collector.values.isEmpty ? nil : () }
            collector.process.kill(SIGKILL)
            try await use(octavo, 10)
            func failures() async throws -> Double { try await octavo.samples()[#"octavo_metric_exports_total{result="unreachable"}"#] ?? 0 }
            try await eventually("two rounds are given up", within: .seconds(90)) { try await failures() >= 2 ? () : nil }
            #expect(octavo.process.errors.components(separatedBy: "metrics were not exported").count == 2, "\(octavo.process.errors)")
            let again = try await Collector.start(again: collector)
            try await eventually("everything is there", within: .seconds(60)) {
                again.values.contains { $0.key.hasPrefix("dapr_http_server_request_count{") && $0.value == 10 } ? () : nil
            }
            try await eventually("the log says so") { octavo.process.errors.contains("takes metrics again") ? () : nil }
        }
    }

    @Test("by OpenTelemetry's variables")
    func variables() async throws {
        let collector = try await Collector.start()
        let variables = [
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:\(collector.http)", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            "OTEL_METRIC_EXPORT_INTERVAL": "300", "OTEL_EXPORTER_OTLP_HEADERS": "a=1", "OTEL_EXPORTER_OTLP_METRICS_HEADERS": "b=2",
            "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment=a%20b,service.name=not-this",
        ]
        try await OctavoProcess.with(flags: ["--app-id", "named"], environment: variables) { octavo in
            try await use(octavo, 3)
            try await eventually("metrics come", within: .seconds(30)) {
                collector.values.contains { $0.key.hasPrefix("dapr_http_server_request_count{") && $0.value == 3 } ? () : nil
            }
            let message = try #require(collector.metrics.last)
            #expect(message["by"]?.string == "http" && message["fields"]?["b"]?.string == "2" && message["fields"]?["a"] == nil)
            #expect(message["resource"]?["service.name"]?.string == "named")
            #expect(message["resource"]?["deployment.environment"]?.string == "a b")
            // Traces go where the same variable says.
            try await eventually("spans come", within: .seconds(30)) { collector.spans.isEmpty ? nil : () }
        }
        let quiet = try await Collector.start()
        let more = [
            "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://127.0.0.1:\(quiet.grpc)", "OTEL_METRICS_EXPORTER": "none", "OTEL_METRIC_EXPORT_INTERVAL": "100",
        ]
        try await OctavoProcess.with(environment: more) { octavo in
            try await use(octavo, 1)
            #expect(!octavo.process.errors.contains("metrics are exported"))
        }
        #expect(quiet.metrics.isEmpty)
    }

    @Test("also when there is no page")
    func withoutPage() async throws {
        let scratch = try Scratch(), collector = try await Collector.start()
        let octavo = try OctavoProcess.launch(
            in: scratch, flags: ["--enable-metrics=false"] + (try configuration(scratch, "http", "127.0.0.1:\(collector.http)")))
        try await eventually("Dapr's names come, too: \(octavo.errors)", within: .seconds(30)) {
            collector.values[#"dapr_runtime_component_loaded{app_id="demo"}"#] != nil ? () : nil
        }
        octavo.kill(SIGTERM)
        #expect(try await octavo.ended(within: .seconds(30)).code == 0)
    }

    @Test(
        "settings that can't be used are told at the start",
        arguments: [
            (["OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "ftp://somewhere"], "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: the address ftp://somewhere begins with an unknown scheme"),
            (["OTEL_EXPORTER_OTLP_ENDPOINT": "http://somewhere:port"], "OTEL_EXPORTER_OTLP_ENDPOINT: the address http://somewhere:port is not host:port"),
            (["OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "a:1", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"], "OTEL_EXPORTER_OTLP_PROTOCOL is http/json"),
            (["OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "a:1", "OTEL_METRIC_EXPORT_INTERVAL": "1m"], "OTEL_METRIC_EXPORT_INTERVAL is 1m"),
        ])
    func refused(variables: [String: String], cause: String) async throws {
        let octavo = try OctavoProcess.launch(in: try Scratch(), environment: variables)
        let end = try await octavo.ended(within: .seconds(30))
        #expect(end.code == 1 && end.errors.contains(cause), "\(end)")
    }

    @Test("and so is an address of the configuration")
    func refusedAddress() async throws {
        let scratch = try Scratch()
        let octavo = try OctavoProcess.launch(in: scratch, flags: try configuration(scratch, "grpc", "user@host:1"))
        let end = try await octavo.ended(within: .seconds(30))
        #expect(end.code == 1 && end.errors.contains("spec.metrics.otel.endpointAddress: the address holds a user"), "\(end)")
    }
}
