import Foundation
import JSONText
import Testing

@Suite("Metrics under Dapr's names", .serialized, .enabled(if: Places.hasSDK, "tools/setup test installs the SDK"))
struct DaprMetricsTests {
    /// A runtime with its app, a bus and a store that have been used.
    private func with(
        _ spec: String = "", _ body: (OctavoProcess, Scratch) async throws -> Void
    ) async throws {
        let scratch = try Scratch()
        try scratch.write(Resource.component("bus", "pubsub.in-memory"), to: "resources/bus.yaml")
        try scratch.write(Resource.component("store", "state.in-memory"), to: "resources/state.yaml")
        try scratch.write(
            """
            apiVersion: dapr.io/v1alpha1
            kind: Configuration
            metadata:
              name: measured
            spec:
              nameResolution:
                component: sqlite
                configuration:
                  connectionString: \(scratch.file("names.db"))
                  updateInterval: 1s
            \(spec)
            """, to: "config.yaml")
        let app = try await SubscriberApp.start("http")
        try await OctavoProcess.with(
            in: scratch,
            flags: ["--app-port", "\(app.port)", "--resources-path", scratch.file("resources"), "--config", scratch.file("config.yaml")],
            environment: ["NAMESPACE": "shops"]
        ) { octavo in
            _ = try await Curl(method: "POST", path: "/v1.0/state/store", body: #"[{"key": "a", "value": 1}]"#).send(to: octavo.base)
            for _ in 0..<5 { _ = try await Curl(path: "/v1.0/state/store/a").send(to: octavo.base) }
            _ = try await Curl(path: "/v1.0/state/nope/a").send(to: octavo.base)
            _ = try await Curl(path: "/v1.0/invoke/demo/method/nothing").send(to: octavo.base)
            for _ in 0..<2 {
                _ = try await Curl(
                    method: "POST", path: "/v1.0/publish/bus/plain", headers: ["content-type: application/json"], body: "\"x\""
                ).send(to: octavo.base)
            }
            try await eventually("messages were answered") {
                let key = #"dapr_component_pubsub_ingress_count{app_id="demo",component="bus",namespace="shops",process_status="success",topic="plain"}"#
                return try await octavo.samples()[key] == 2 ? () : nil
            }
            try await body(octavo, scratch)
        }
    }

    @Test("count APIs, components, messages and calls with Dapr's labels")
    func counts() async throws {
        try await with("  metrics:\n    recordErrorCodes: true") { octavo, _ in
            let found = try await octavo.samples()
            func expect(_ sample: String, _ value: Double) {
                #expect(found[sample] == value, "\(sample) in \(found.keys.filter { $0.hasPrefix(sample.prefix { $0 != "{" }) }.sorted())")
            }
            let http = #"{app_id="demo",method="GET",path="/v1.0/state",status="200"}"#
            expect("dapr_http_server_request_count" + http, 5)
            expect("dapr_http_server_response_count" + http, 5)
            expect("dapr_http_server_latency_count" + http, 5)
            // Sizes of bodies, those of small ones below Dapr's first bound.
            let bodies = found[#"dapr_http_server_request_bytes_sum{app_id="demo"}"#]
            #expect(bodies == Double(#"[{"key": "a", "value": 1}]"#.utf8.count + 2 * "\"x\"".utf8.count), "\(bodies ?? -1)")
            let answers = found[#"dapr_http_server_response_bytes_sum{app_id="demo"}"#] ?? 0
            #expect(answers > 5, "\(answers)")
            expect(#"dapr_http_server_response_bytes_bucket{app_id="demo",le="1024"}"#, found[#"dapr_http_server_response_bytes_count{app_id="demo"}"#] ?? -1)
            let delivered = #"{app_id="demo",method="POST",path="/plain",status="200"}"#
            expect("dapr_http_client_sent_bytes_count" + delivered, 2)
            // Each an event around the published byte.
            #expect((found["dapr_http_client_sent_bytes_sum" + delivered] ?? 0) > 2 * 100)
            #expect((found[#"dapr_http_client_received_bytes_sum{app_id="demo"}"#] ?? 0) > 0)
            expect(#"dapr_http_server_request_count{app_id="demo",method="GET",path="/v1.0/state",status="400"}"#, 1)
            // Dapr's buckets, in milliseconds.
            #expect(found.keys.contains { $0.hasPrefix("dapr_http_server_latency_bucket") && $0.contains(#"le="650""#) })
            let get = #"{app_id="demo",component="store",namespace="shops",operation="get",success="true"}"#
            expect("dapr_component_state_count" + get, 5)
            #expect((found["dapr_component_state_latencies_count" + get] ?? 0) > 0)
            expect(#"dapr_component_state_count{app_id="demo",component="store",namespace="shops",operation="set",success="true"}"#, 1)
            expect(#"dapr_component_pubsub_egress_count{app_id="demo",component="bus",namespace="shops",success="true",topic="plain"}"#, 2)
            expect(#"dapr_http_client_completed_count{app_id="demo",method="POST",path="/plain",status="200"}"#, 2)
            expect(#"dapr_runtime_service_invocation_req_sent_total{app_id="demo",dst_app_id="demo.shops",type="unary"}"#, 1)
            expect(#"dapr_error_code_total{app_id="demo",error_code="ERR_STATE_STORE_NOT_FOUND",category="state"}"#, 1)
            expect(#"dapr_runtime_component_init_total{app_id="demo",component="state.in-memory"}"#, 1)
        }
    }

    @Test("have paths as the configuration asks, and few of them whatever is asked for")
    func paths() async throws {
        try await with("  metrics:\n    http:\n      pathMatching:\n      - /v1.0/state/{store}/a\n      - /v1.0/publish/bus/{topic...}") { octavo, _ in
            let found = try await octavo.samples()
            #expect(found[#"dapr_http_server_request_count{app_id="demo",method="GET",path="/v1.0/state/{store}/a",status="200"}"#] == 5)
            #expect(found[#"dapr_http_server_request_count{app_id="demo",method="POST",path="_",status="204"}"#] == 1)
        }
        try await with("  metrics:\n    http:\n      increasedCardinality: true\n      excludeVerbs: true") { octavo, _ in
            for index in 0..<600 { _ = try await Curl(path: "/v1.0/state/store/k\(index)").send(to: octavo.base) }
            let found = try await octavo.samples()
            #expect(found[#"dapr_http_server_request_count{app_id="demo",method="",path="/v1.0/state/store/a",status="200"}"#] == 5)
            #expect(found.keys.count { $0.hasPrefix("dapr_http_server_request_count{") } <= 513)
            #expect(found.keys.contains { $0.hasPrefix("dapr_http_server_request_count{") && $0.contains(#"path="other""#) })
        }
    }

    @Test("are gone when they are switched off")
    func off() async throws {
        let scratch = try Scratch()
        try scratch.write(
            "apiVersion: dapr.io/v1alpha1\nkind: Configuration\nmetadata:\n  name: off\nspec:\n  metric:\n    enabled: false\n", to: "config.yaml")
        try await OctavoProcess.with(in: scratch, flags: ["--config", scratch.file("config.yaml")]) { octavo in
            _ = try await Curl(path: "/v1.0/state/statestore/a").send(to: octavo.base)
            #expect(try await octavo.samples().keys.allSatisfy { !$0.hasPrefix("dapr_") })
        }
    }

    @Test("and of ours are all that the dashboard reads")
    func dashboard() async throws {
        let text = try String(contentsOfFile: Places.package + "/docs/grafana-dashboard.json", encoding: .utf8)
        let board = try JSONValue(parsing: text)
        let queries = (board["panels"]?.array ?? []).flatMap { $0["targets"]?.array ?? [] }.compactMap { $0["expr"]?.string }
        #expect(queries.count > 20)
        var names: Set<String> = []
        for query in queries {
            for word in query.split(whereSeparator: { !$0.isLetter && !$0.isNumber && $0 != "_" }) {
                if ["octavo_", "dapr_", "process_"].contains(where: { word.hasPrefix($0) }), word != "process_status" { names.insert(String(word)) }
            }
        }
        #expect(names.count > 20, "\(names)")
        // PolicyMetricsTests looks at these.
        names = names.filter { name in !PolicyMetricsTests.families.contains { name.hasPrefix($0) } }
        // A page on which each of them is: with an isolated plugin, spans that get lost, and gRPC.
        try await with("  tracing:\n    samplingRate: \"1\"\n    otel:\n      protocol: http\n      isSecure: false\n      endpointAddress: 127.0.0.1:1") {
            octavo, _ in
            _ = try await octavo.json("plugin", "isolate", "memory", "on")
            try await SDKTests.run("state", ["store"], octavo)
            let missing = try await eventually("every metric is on the page", within: .seconds(60)) { () -> Set<String>? in
                let samples = Set(try await octavo.samples().keys.map { String($0.prefix { $0 != "{" }) })
                let missing = names.subtracting(samples)
                // The runtime has called nobody else, nor was it called.
                return missing.subtracting(["dapr_runtime_service_invocation_req_recv_total"]).isEmpty ? missing : nil
            }
            #expect(missing.count <= 1)
            let samples = try await octavo.samples()
            for (name, method) in [("received", "SaveState"), ("sent", "GetState")] {
                let labels = #"{app_id="demo",grpc_server_method="dapr.proto.runtime.v1.Dapr/\#(method)"}"#
                let sum = samples["dapr_grpc_io_server_\(name)_bytes_per_rpc_sum" + labels] ?? 0
                let count = samples["dapr_grpc_io_server_\(name)_bytes_per_rpc_count" + labels] ?? 0
                #expect(count > 0 && sum > count, "\(name) \(method): \(sum) bytes in \(count)")
            }
        }
    }
}
