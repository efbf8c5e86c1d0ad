import Logging
import NIOCore
import Resources
import Telemetry
import TelemetryExport

/// Where the metrics of a runtime are sent.
enum RuntimeExport {
    /// nil: nowhere. `eventLoop` is the one that talks to the collector. Throws `StartError` when settings can't be used.
    static func make(
        _ settings: MetricsSettings, _ resource: ExportResource, environment: [String: String], registry: MetricsRegistry, eventLoop: any EventLoop
    ) async throws -> MetricsExport? {
        guard let collector = try collector(settings, environment) else { return nil }
        var limits = MetricsExport.Limits()
        if let interval = settings.exportInterval {
            limits.interval = interval
        } else if let interval = environment["OTEL_METRIC_EXPORT_INTERVAL"], !interval.isEmpty {
            limits.interval = .milliseconds(try NamedCollector.milliseconds((interval, "OTEL_METRIC_EXPORT_INTERVAL")))
        }
        let carrier = try await collector.carrier(.metrics, eventLoop)
        let logger = Logger(label: "octavo.metrics")
        logger.info(
            "metrics are exported",
            metadata: ["to": "\(collector.settings.address)", "protocol": "\(collector.settings.wire)", "interval": "\(limits.interval)"])
        return MetricsExport(carrier, resource, limits: limits, registry: registry, logger: logger)
    }

    /// As the configuration has it, else as OpenTelemetry's variables have it.
    private static func collector(_ settings: MetricsSettings, _ environment: [String: String]) throws -> NamedCollector? {
        guard settings.isEnabled else { return nil }
        if let collector = settings.collector { return NamedCollector(settings: collector, origin: "spec.metrics.otel.endpointAddress") }
        return try NamedCollector.ofEnvironment(.metrics, environment)
    }
}
