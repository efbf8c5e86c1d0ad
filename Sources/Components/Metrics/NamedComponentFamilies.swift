import COctavo
package import Telemetry

/// Calls of one kind of component under Dapr's names: `dapr_component_state_count` and `dapr_component_state_latencies`, and
/// so on. Source: Dapr's component metrics.
package struct NamedComponentFamilies: Sendable {
    /// What the labels say of the runtime.
    package struct Names: Sendable {
        let appID: String
        let namespace: String
        let scale: HistogramScale

        package init(appID: String, namespace: String, scale: HistogramScale) {
            self.appID = appID
            self.namespace = namespace
            self.scale = scale
        }
    }

    final class Series: Sendable {
        let count: Counter
        let latency: Histogram

        init(count: Counter, latency: Histogram) {
            self.count = count
            self.latency = latency
        }
    }

    private let count: MetricFamily<Counter>
    private let latency: MetricFamily<Histogram>
    private let names: Names

    private init(_ registry: MetricsRegistry, _ names: Names, _ word: String) {
        self.names = names
        let labels = ["app_id", "component", "namespace", "operation", "success"]
        count = registry.counter(
            MetricDefinition("dapr_component_\(word)_count", help: "Calls of components of the block \(word).", labels: labels, limit: 512))
        latency = registry.histogram(
            MetricDefinition(
                "dapr_component_\(word)_latencies", help: "How long calls of components of the block \(word) took, in milliseconds.", labels: labels,
                limit: 256), scale: names.scale)
    }

    /// By kind. What is measured by the building block itself (messages, bindings) is not among them.
    static func all(_ registry: MetricsRegistry, _ names: Names) -> [Int32: NamedComponentFamilies] {
        var families: [Int32: NamedComponentFamilies] = [:]
        for (kind, word) in [
            (OCTAVO_KIND_STATE, "state"), (OCTAVO_KIND_CONFIGURATION, "configuration"), (OCTAVO_KIND_SECRET_STORE, "secret"),
            (OCTAVO_KIND_CRYPTO, "crypto"),
        ] { families[kind] = NamedComponentFamilies(registry, names, word) }
        return families
    }

    func series(_ component: String, operation: String, failed: Bool) -> Series {
        let operation = operation == "transact" ? "transaction" : operation
        let values = [names.appID, component, names.namespace, operation, failed ? "false" : "true"]
        return Series(count: count.series(values), latency: latency.series(values))
    }

    func remove(_ component: String) {
        count.remove { $0.count == 5 && $0[1] == component }
        latency.remove { $0.count == 5 && $0[1] == component }
    }
}
