import Glibc
import Logging
import NIOCore
import Resources
import Telemetry
import TelemetryExport
import Tracing
import Transport

/// What is traced, and where spans go.
struct RuntimeTracing: Sendable {
    let rules: TracingRules
    let queues: [SpanQueue]
    let ring = TraceRing()

    /// Begins to export. `eventLoop` is the one that talks to collectors. Throws `StartError` when an address can't be used.
    static func start(
        _ settings: TracingSettings, _ resource: ExportResource, appID: String, environment: [String: String], registry: MetricsRegistry,
        eventLoop: any EventLoop
    ) async throws -> RuntimeTracing {
        let collector = try collector(settings, environment)
        let rate = settings.rate ?? (collector?.isOfEnvironment == true ? 1 : TracingSettings.rate)
        let rules = TracingRules(rate: rate, slow: settings.slow)
        var destinations: [any SpanDestination] = []
        if rate > 0 {
            if settings.writesOutput {
                destinations.append(OutputDestination(service: appID, sink: LogSink(descriptor: STDOUT_FILENO)))
            }
            if let collector { destinations.append(CarriedSpans(.otlp, resource, by: try await collector.carrier(.traces, eventLoop))) }
            if !settings.zipkin.isEmpty { destinations.append(CarriedSpans(.zipkin, resource, by: try await zipkin(settings.zipkin, eventLoop))) }
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
    private static func collector(_ settings: TracingSettings, _ environment: [String: String]) throws -> NamedCollector? {
        if let collector = settings.collector { return NamedCollector(settings: collector, origin: "spec.tracing.otel.endpointAddress") }
        return try NamedCollector.ofEnvironment(.traces, environment)
    }

    private static func zipkin(_ address: String, _ eventLoop: any EventLoop) async throws -> any Carrier {
        let target = try target(named: "spec.tracing.zipkin.endpointAddress") { () throws(ExportTarget.Malformed) in
            try ExportTarget(address, isSecure: false, port: 9411, path: "/api/v2/spans")
        }
        return try await eventLoop.submit { () throws -> any Carrier in
            try HTTPCarrier(
                "application/json", target, headers: [], timeout: .seconds(10), name: "the collector of traces", loop: ClientLoop(eventLoop: eventLoop))
        }.get()
    }
}
