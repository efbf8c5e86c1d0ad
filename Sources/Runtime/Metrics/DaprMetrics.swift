import Components
import Resources
import Telemetry
import Tracing

/// Metrics under Dapr's names, with its labels, so that dashboards made for Dapr work. Source: Dapr's `pkg/diagnostics`.
///
/// Every family has a bounded number of series; what is beyond shares one whose labels say `other`.
final class DaprMetrics: Sendable {
    let appID: String
    let namespace: String
    let paths: PathNames
    let recordsErrorCodes: Bool
    let httpRequests: MetricFamily<Counter>
    let httpResponses: MetricFamily<Counter>
    let httpLatency: MetricFamily<Histogram>
    let grpcCalls: MetricFamily<Counter>
    let grpcLatency: MetricFamily<Histogram>
    let httpSizes: Sizes
    let grpcSizes: Sizes
    let httpClientCalls: MetricFamily<Counter>
    let httpClientLatency: MetricFamily<Histogram>
    let grpcClientCalls: MetricFamily<Counter>
    let grpcClientLatency: MetricFamily<Histogram>
    let httpClientSizes: Sizes
    let grpcClientSizes: Sizes
    let httpProbes: Pair
    let grpcProbes: Pair
    let ingress: Pair
    let egress: Pair
    let inputBinding: Pair
    let outputBinding: Pair
    let invocationsSent: MetricFamily<Counter>
    let invocationsReceived: MetricFamily<Counter>
    let answersSent: MetricFamily<Counter>
    let answersReceived: MetricFamily<Counter>
    let answerLatency: MetricFamily<Histogram>
    let errorCodes: MetricFamily<Counter>
    let access: Access
    let certificates: Certificates

    /// A counter and its latencies, with the same labels.
    struct Pair: Sendable {
        let count: MetricFamily<Counter>
        let latency: MetricFamily<Histogram>
    }

    /// Bytes of bodies, or of messages.
    struct Sizes: Sendable {
        let received: MetricFamily<Histogram>
        let sent: MetricFamily<Histogram>
    }

    /// What the access control has said: by a policy for the caller, or by the action for all.
    struct Access: Sendable {
        let allowedByPolicy: MetricFamily<Counter>
        let blockedByPolicy: MetricFamily<Counter>
        let allowedForAll: MetricFamily<Counter>
        let blockedForAll: MetricFamily<Counter>

        func family(_ decision: AccessFacts) -> MetricFamily<Counter> {
            switch (decision.isOfPolicy, decision.isAllowed) {
            case (true, true): allowedByPolicy
            case (true, false): blockedByPolicy
            case (false, true): allowedForAll
            case (false, false): blockedForAll
            }
        }
    }

    /// What became of the certificates for other runtimes.
    struct Certificates: Sendable {
        let begun: MetricFamily<Counter>
        let changed: MetricFamily<Counter>
        let failed: MetricFamily<Counter>
    }

    init(_ registry: MetricsRegistry, _ settings: MetricsSettings, appID: String, namespace: String) {
        self.appID = appID
        self.namespace = namespace
        paths = PathNames(settings)
        recordsErrorCodes = settings.recordsErrorCodes
        let scale = settings.latencyBuckets.isEmpty ? HistogramScale.daprLatency : .milliseconds(settings.latencyBuckets)
        func counter(_ name: String, _ help: String, _ labels: [String], _ limit: Int = 512) -> MetricFamily<Counter> {
            registry.counter(MetricDefinition(name, help: help, labels: ["app_id"] + labels, limit: limit))
        }
        func latency(_ name: String, _ help: String, _ labels: [String], _ limit: Int = 256) -> MetricFamily<Histogram> {
            registry.histogram(MetricDefinition(name, help: help + ", in milliseconds.", labels: ["app_id"] + labels, limit: limit), scale: scale)
        }
        func size(_ name: String, _ help: String, _ labels: [String] = []) -> MetricFamily<Histogram> {
            registry.histogram(MetricDefinition(name, help: help + ", in bytes.", labels: ["app_id"] + labels, limit: 256), scale: .size)
        }
        func pair(_ name: String, _ what: String, _ labels: [String]) -> Pair {
            Pair(
                count: counter("dapr_component_\(name)_count", "How many \(what).", ["component", "namespace"] + labels),
                latency: latency("dapr_component_\(name)_latencies", "How long \(what) took", ["component", "namespace"] + labels))
        }
        let http = ["method", "path", "status"]
        httpRequests = counter("dapr_http_server_request_count", "Requests of the HTTP API.", http)
        httpResponses = counter("dapr_http_server_response_count", "Answers of the HTTP API.", http)
        httpLatency = latency("dapr_http_server_latency", "How long requests of the HTTP API took", http)
        grpcCalls = counter("dapr_grpc_io_server_completed_rpcs", "Calls of the gRPC API.", ["grpc_server_method", "grpc_server_status"])
        grpcLatency = latency("dapr_grpc_io_server_server_latency", "How long calls of the gRPC API took", ["grpc_server_method", "grpc_server_status"])
        httpClientCalls = counter("dapr_http_client_completed_count", "Requests to the app.", http)
        httpClientLatency = latency("dapr_http_client_roundtrip_latency", "How long requests to the app took", http)
        grpcClientCalls = counter("dapr_grpc_io_client_completed_rpcs", "Calls to the app.", ["grpc_client_method", "grpc_client_status"])
        grpcClientLatency = latency("dapr_grpc_io_client_roundtrip_latency", "How long calls to the app took", ["grpc_client_method", "grpc_client_status"])
        httpSizes = Sizes(
            received: size("dapr_http_server_request_bytes", "Bodies of requests of the HTTP API"),
            sent: size("dapr_http_server_response_bytes", "Bodies of answers of the HTTP API"))
        grpcSizes = Sizes(
            received: size("dapr_grpc_io_server_received_bytes_per_rpc", "Messages of calls of the gRPC API", ["grpc_server_method"]),
            sent: size("dapr_grpc_io_server_sent_bytes_per_rpc", "Messages of answers of the gRPC API", ["grpc_server_method"]))
        httpClientSizes = Sizes(
            received: size("dapr_http_client_received_bytes", "Bodies of the app's answers"),
            sent: size("dapr_http_client_sent_bytes", "Bodies of requests to the app", http))
        grpcClientSizes = Sizes(
            received: size("dapr_grpc_io_client_received_bytes_per_rpc", "Messages of the app's answers", ["grpc_client_method"]),
            sent: size("dapr_grpc_io_client_sent_bytes_per_rpc", "Messages of calls to the app", ["grpc_client_method"]))
        func probes(_ name: String, _ status: String) -> Pair {
            Pair(
                count: counter("dapr_\(name)_healthprobes_completed_count", "Questions for the app's health.", [status], 64),
                latency: latency("dapr_\(name)_healthprobes_roundtrip_latency", "How long questions for the app's health took", [status], 64))
        }
        httpProbes = probes("http", "status")
        grpcProbes = probes("grpc_io", "grpc_client_status")
        ingress = pair("pubsub_ingress", "messages that came from a component", ["process_status", "topic"])
        egress = pair("pubsub_egress", "messages that were published", ["success", "topic"])
        inputBinding = pair("input_binding", "events of input bindings", ["success"])
        outputBinding = pair("output_binding", "operations of output bindings", ["operation", "success"])
        invocationsSent = counter("dapr_runtime_service_invocation_req_sent_total", "Calls of other apps.", ["dst_app_id", "type"])
        invocationsReceived = counter("dapr_runtime_service_invocation_req_recv_total", "Calls by other apps.", ["src_app_id"])
        answersSent = counter("dapr_runtime_service_invocation_res_sent_total", "Answers to calls by other apps.", ["dst_app_id", "status"])
        answersReceived = counter("dapr_runtime_service_invocation_res_recv_total", "Answers to calls of other apps.", ["src_app_id", "status", "type"])
        answerLatency = latency("dapr_runtime_service_invocation_res_recv_latency_ms", "How long calls of other apps took", ["src_app_id", "status"])
        let access = ["trustDomain", "namespace", "operation", "method", "policyAction"]
        self.access = Access(
            allowedByPolicy: counter("dapr_runtime_acl_app_policy_action_allowed_total", "Calls that a policy for their caller has allowed.", access),
            blockedByPolicy: counter("dapr_runtime_acl_app_policy_action_blocked_total", "Calls that a policy for their caller has denied.", access),
            allowedForAll: counter("dapr_runtime_acl_global_policy_action_allowed_total", "Calls that the action for all callers has allowed.", access),
            blockedForAll: counter("dapr_runtime_acl_global_policy_action_blocked_total", "Calls that the action for all callers has denied.", access))
        certificates = Certificates(
            begun: counter("dapr_runtime_mtls_init_total", "Starts with certificates for other runtimes.", []),
            changed: counter("dapr_runtime_mtls_workload_cert_rotated_total", "Changed certificates that were taken in.", []),
            failed: counter("dapr_runtime_mtls_workload_cert_rotated_fail_total", "Changed certificates that could not be used.", ["reason"]))
        errorCodes = counter("dapr_error_code_total", "Errors by their codes.", ["error_code", "category"])
    }
}

/// What a path is called in metrics: one of few names. Source: Dapr's `spec.metrics.http`.
struct PathNames: Sendable {
    private let patterns: [(text: String, segments: [String])]
    private let keepsAll: Bool
    let excludesVerbs: Bool

    init(_ settings: MetricsSettings) {
        patterns = settings.pathMatching.map { ($0, $0.split(separator: "/").map(String.init)) }
        keepsAll = settings.hasIncreasedCardinality ?? false
        excludesVerbs = settings.excludesVerbs
    }

    /// Whether the name depends on more than the group of the API.
    var isDetailed: Bool { keepsAll || !patterns.isEmpty }

    /// `path` without a query. The pattern that fits, `_` when none of them does; without patterns the path itself where that is
    /// asked for, else the group of the API, as `/v1.0/state`.
    func name(_ path: Substring) -> String {
        if !patterns.isEmpty {
            let segments = path.split(separator: "/")
            return patterns.first { Self.fits(segments, $0.segments) }?.text ?? "_"
        }
        if keepsAll { return String(path) }
        let segments = path.split(separator: "/", maxSplits: 2)
        guard segments.count >= 2, segments[0].hasPrefix("v1.0"), RequestObserver.groups.contains(segments[1]) else { return "other" }
        return "/\(segments[0])/\(segments[1])"
    }

    /// As patterns of Go's ServeMux: `{name}` is a segment, `{name...}` and a slash at the end are the rest.
    private static func fits(_ path: [Substring], _ pattern: [String]) -> Bool {
        for (index, word) in pattern.enumerated() {
            if word.hasSuffix("...}") { return true }
            guard index < path.count else { return false }
            if word.hasPrefix("{"), word.hasSuffix("}") { continue }
            if word != path[index] { return false }
        }
        return path.count == pattern.count
    }
}
