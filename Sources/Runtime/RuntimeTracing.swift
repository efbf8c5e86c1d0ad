import Glibc
import Logging
import NIOCore
import Resources
import Telemetry
import TraceExport
import Tracing
import Transport

/// What is traced, and where spans go.
struct RuntimeTracing: Sendable {
    let rules: TracingRules
    let queues: [SpanQueue]
    let ring = TraceRing()

    /// Begins to export. `eventLoop` is the one that talks to collectors. Throws `StartError` when an address can't be used.
    static func start(
        _ settings: TracingSettings, appID: String, environment: [String: String], registry: MetricsRegistry, eventLoop: any EventLoop
    ) async throws -> RuntimeTracing {
        let (collector, isOfEnvironment) = try collector(settings, environment)
        let rate = settings.rate ?? (isOfEnvironment ? 1 : TracingSettings.rate)
        let rules = TracingRules(rate: rate, slow: settings.slow)
        var destinations: [any SpanDestination] = []
        if rate > 0 {
            if settings.writesOutput {
                destinations.append(OutputDestination(service: appID, sink: LogSink(descriptor: STDOUT_FILENO)))
            }
            if let collector { destinations.append(try await destination(collector, appID, eventLoop)) }
            if !settings.zipkin.isEmpty { destinations.append(try await zipkin(settings.zipkin, appID, eventLoop)) }
        }
        guard !destinations.isEmpty else { return RuntimeTracing(rules: rules, queues: []) }
        let figures = SpanFigures(registry), logger = Logger(label: "octavo.tracing")
        logger.info(
            "requests are traced", metadata: ["to": "\(destinations.map(\.name).joined(separator: ", "))", "sampling-rate": "\(rate)"])
        return RuntimeTracing(rules: rules, queues: destinations.map { SpanQueue($0, figures: figures, logger: logger) })
    }

    private init(rules: TracingRules, queues: [SpanQueue]) {
        self.rules = rules
        self.queues = queues
    }

    /// One for each event loop.
    func loopTracer() -> LoopTracer {
        let sink: (any SpanSink)? =
            switch queues.count {
            case 0: nil
            case 1: queues[0]
            default: SpanFanOut(queues)
            }
        return LoopTracer(rules: rules, sink: sink, ring: ring)
    }

    /// Sends what waits, for a bounded time: a collector that is gone must not keep the runtime from its end.
    func end() async {
        await withTaskGroup(of: Void.self) { group in
            for queue in queues { group.addTask { await queue.end(within: .seconds(3)) } }
        }
    }

    // MARK: Destinations

    /// As the configuration has it, else as OpenTelemetry's variables have it. Source: Dapr.
    private static func collector(
        _ settings: TracingSettings, _ environment: [String: String]
    ) throws -> (TracingSettings.Collector?, isOfEnvironment: Bool) {
        if let collector = settings.collector { return (collector, false) }
        func variable(_ name: String) -> String? {
            for full in ["OTEL_EXPORTER_OTLP_TRACES_\(name)", "OTEL_EXPORTER_OTLP_\(name)"] {
                if let value = environment[full], !value.isEmpty { return value }
            }
            return nil
        }
        guard let address = variable("ENDPOINT") else { return (nil, false) }
        let word = variable("PROTOCOL") ?? "grpc"
        guard let wire = TracingSettings.Collector.Wire(rawValue: word.hasPrefix("http") ? "http" : word), word != "http/json" else {
            throw StartError("OTEL_EXPORTER_OTLP_PROTOCOL is \(word); it may be grpc or http/protobuf")
        }
        var collector = TracingSettings.Collector(wire: wire, address: address)
        collector.isSecure = variable("INSECURE")?.lowercased() != "true"
        collector.headers = TracingSettings.listed(variable("HEADERS") ?? "")
        collector.timeout = variable("TIMEOUT").flatMap { Int($0) }.map { .milliseconds($0) }
        return (collector, true)
    }

    private static let timeout = Duration.seconds(10)

    private static func destination(
        _ collector: TracingSettings.Collector, _ appID: String, _ eventLoop: any EventLoop
    ) async throws -> any SpanDestination {
        for header in collector.headers { LogRedaction.shared.protect(header.value) }
        let target = try target("spec.tracing.otel.endpointAddress") { () throws(ExportTarget.Malformed) in
            try ExportTarget(
                collector.address, isSecure: collector.isSecure, port: collector.wire == .grpc ? 4317 : 4318,
                path: collector.wire == .grpc ? "/" : "/v1/traces")
        }
        let headers = collector.headers.map { ($0.name, $0.value) }, timeout = collector.timeout ?? Self.timeout
        return try await eventLoop.submit { () throws -> any SpanDestination in
            let loop = ClientLoop(eventLoop: eventLoop)
            switch collector.wire {
            case .grpc:
                return try GRPCDestination(target, headers: headers, timeout: timeout, service: appID, version: Version.current, loop: loop)
            case .http:
                return try HTTPDestination(.otlp, target, headers: headers, timeout: timeout, service: appID, version: Version.current, loop: loop)
            }
        }.get()
    }

    private static func zipkin(_ address: String, _ appID: String, _ eventLoop: any EventLoop) async throws -> any SpanDestination {
        let target = try target("spec.tracing.zipkin.endpointAddress") { () throws(ExportTarget.Malformed) in
            try ExportTarget(address, isSecure: false, port: 9411, path: "/api/v2/spans")
        }
        return try await eventLoop.submit { () throws -> any SpanDestination in
            try HTTPDestination(
                .zipkin, target, headers: [], timeout: timeout, service: appID, version: Version.current, loop: ClientLoop(eventLoop: eventLoop))
        }.get()
    }

    private static func target(_ member: String, _ read: () throws(ExportTarget.Malformed) -> ExportTarget) throws -> ExportTarget {
        do throws(ExportTarget.Malformed) { return try read() } catch { throw StartError("\(member): \(error)") }
    }
}
