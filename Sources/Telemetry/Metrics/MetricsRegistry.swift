import Synchronization

/// All metrics of a runtime. Families are declared when it starts; recording goes through handles and takes
/// no lock; reading merges the shards.
package final class MetricsRegistry: Sendable {
    /// Adds samples that are looked up when somebody reads.
    package typealias Collector = @Sendable (inout MetricSet) -> Void

    private let rows: Int
    private let constantLabels: [(String, String)]
    private let refused: MetricFamily<Counter>
    private let contents: Mutex<(families: [any MetricReading], collectors: [Collector])>

    /// - Parameters:
    ///   - loops: how many event loops record.
    ///   - constantLabels: labels of every series, such as `app_id`.
    package init(loops: Int, constantLabels: [(String, String)] = []) {
        let rows = loops + 1
        self.rows = rows
        self.constantLabels = constantLabels
        refused = MetricFamily(
            MetricDefinition(
                "octavo_metrics_series_refused_total",
                help: "Label values that were counted as \"other\" because the metric has its full number of series.",
                labels: ["metric"], limit: 1000),
            kind: .counter, constantLabels: constantLabels, refused: nil,
            make: { Counter(cells: Cells(rows: rows, columns: 1)) }, read: { .count($0.value) })
        contents = Mutex(([], []))
    }

    package func counter(_ definition: MetricDefinition) -> MetricFamily<Counter> {
        add(definition, .counter, make: { [rows] in Counter(cells: Cells(rows: rows, columns: 1)) }) { .count($0.value) }
    }

    package func gauge(_ definition: MetricDefinition) -> MetricFamily<Gauge> {
        add(definition, .gauge, make: { [rows] in Gauge(cells: Cells(rows: rows, columns: 1)) }) { .level($0.value) }
    }

    package func histogram(
        _ definition: MetricDefinition, scale: HistogramScale = .latency
    ) -> MetricFamily<Histogram> {
        let make: @Sendable () -> Histogram = { [rows] in
            Histogram(cells: Cells(rows: rows, columns: Histogram.columns(scale)), scale: scale)
        }
        return add(definition, .histogram, lines: HistogramLines(definition.name, scale), make: make) { .histogram($0.snapshot()) }
    }

    private func add<Handle>(
        _ definition: MetricDefinition, _ kind: MetricSet.Kind, lines: HistogramLines? = nil, make: @escaping @Sendable () -> Handle,
        read: @escaping @Sendable (Handle) -> MetricSet.Value
    ) -> MetricFamily<Handle> {
        let family = MetricFamily(
            definition, kind: kind, constantLabels: constantLabels, refused: refused.series(definition.name), lines: lines,
            make: make, read: read)
        contents.withLock { contents in
            precondition(
                !contents.families.contains { $0.name == definition.name }, "\(definition.name) is declared twice")
            contents.families.append(family)
        }
        return family
    }

    /// Adds samples that are looked up when the page is read; on the reader's thread.
    package func collect(_ collector: @escaping Collector) {
        contents.withLock { $0.collectors.append(collector) }
    }

    /// What there is now; on any thread. Families without series are left out.
    package func read() -> MetricSet {
        var set = MetricSet()
        let (families, collectors) = contents.withLock { $0 }
        for family in families { family.read(into: &set) }
        readRefused(families, &set)
        for collector in collectors { collector(&set) }
        return set
    }

    private func readRefused(_ families: [any MetricReading], _ set: inout MetricSet) {
        let refusals = families.map { ($0.name, refused.series($0.name).value) }.filter { $0.1 > 0 }
        guard !refusals.isEmpty else { return }
        set.metric(refused.name, .counter, help: refused.help)
        for (name, value) in refusals { set.sample(refused.name, constantLabels + [("metric", name)], Double(value)) }
    }
}
