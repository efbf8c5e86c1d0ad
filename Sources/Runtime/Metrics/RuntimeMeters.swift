import Resources
import Telemetry

/// What a runtime measures beside its components.
struct RuntimeMeters: Sendable {
    /// nil: nobody reads them (`spec.metric.enabled: false`; `--enable-metrics=false` without a collector).
    let dapr: DaprMetrics?
    /// Policies under Dapr's names; nil like `dapr`.
    let resiliency: ResiliencyMetrics?
    /// Of latencies under Dapr's names.
    let scale: HistogramScale
    private let appCalls: MetricFamily<Histogram>

    /// `isRead`: whether somebody may ask for them.
    init(_ registry: MetricsRegistry, _ settings: MetricsSettings, isRead: Bool, _ options: RuntimeOptions, namespace: String) {
        scale = settings.latencyBuckets.isEmpty ? .daprLatency : .milliseconds(settings.latencyBuckets)
        appCalls = LoopMeter.appFamily(registry)
        resiliency = isRead && settings.isEnabled ? ResiliencyMetrics(appID: options.appID, namespace: namespace) : nil
        dapr = isRead && settings.isEnabled ? DaprMetrics(registry, settings, appID: options.appID, namespace: namespace) : nil
    }

    /// That of event loop `index`.
    func loop(_ index: Int) -> LoopMeter { LoopMeter(dapr, apps: appCalls, loop: index) }

    /// Other apps that have been called.
    var peers: [(name: String, snapshot: HistogramSnapshot, errors: UInt64)] {
        var found: [String: (snapshot: HistogramSnapshot, errors: UInt64)] = [:]
        // By the runtime's app, the other app, the status.
        for (values, handle) in dapr?.answerLatency.all ?? [] {
            let snapshot = handle.snapshot(), status = Int(values[2])
            let errors = status.map { $0 == 0 || $0 >= 400 } ?? (values[2] != "OK") ? snapshot.count : 0
            found[values[1]] = found[values[1]].map { ($0.snapshot + snapshot, $0.errors + errors) } ?? (snapshot, errors)
        }
        return found.map { ($0.key, $0.value.snapshot, $0.value.errors) }
    }

    /// What the app has been called for.
    var apps: [(name: String, snapshot: HistogramSnapshot, errors: UInt64)] {
        var found: [String: (snapshot: HistogramSnapshot, errors: UInt64)] = [:]
        for (values, handle) in appCalls.all {
            let snapshot = handle.snapshot(), errors = values[1] == "failed" ? snapshot.count : 0
            found[values[0]] = found[values[0]].map { ($0.snapshot + snapshot, $0.errors + errors) } ?? (snapshot, errors)
        }
        return found.map { ($0.key, $0.value.snapshot, $0.value.errors) }
    }
}
