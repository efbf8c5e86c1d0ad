import Synchronization

/// All metrics of a runtime. Families are declared when it starts; recording goes through handles and takes
/// no lock; reading merges the shards.
package final class MetricsRegistry: Sendable {
    /// Writes samples that are looked up when somebody reads the page.
    package typealias Collector = @Sendable (inout PrometheusText) -> Void

    private let rows: Int
    private let constantLabels: [(String, String)]
    private let refused: MetricFamily<Counter>
    private let contents: Mutex<(families: [any MetricPrinting], collectors: [Collector])>

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
            make: { Counter(cells: Cells(rows: rows, columns: 1)) }, print: { _, _, _ in })
        contents = Mutex(([], []))
    }

    package func counter(_ definition: MetricDefinition) -> MetricFamily<Counter> {
        let (rows, name) = (rows, Array(definition.name.utf8))
        return add(definition, .counter, make: { Counter(cells: Cells(rows: rows, columns: 1)) }) {
            $2.line(name, $1, Array(String($0.value).utf8))
        }
    }

    package func gauge(_ definition: MetricDefinition) -> MetricFamily<Gauge> {
        let (rows, name) = (rows, Array(definition.name.utf8))
        return add(definition, .gauge, make: { Gauge(cells: Cells(rows: rows, columns: 1)) }) {
            $2.line(name, $1, Array(String($0.value).utf8))
        }
    }

    package func histogram(
        _ definition: MetricDefinition, scale: HistogramScale = .latency
    ) -> MetricFamily<Histogram> {
        let (rows, lines) = (rows, HistogramLines(definition.name, scale))
        let make: @Sendable () -> Histogram = {
            Histogram(cells: Cells(rows: rows, columns: Histogram.columns(scale)), scale: scale)
        }
        return add(definition, .histogram, make: make) { lines.write($0.snapshot(), $1, &$2) }
    }

    private func add<Handle>(
        _ definition: MetricDefinition, _ kind: PrometheusText.Kind, make: @escaping @Sendable () -> Handle,
        print: @escaping @Sendable (Handle, _ labels: [UInt8], inout PrometheusText) -> Void
    ) -> MetricFamily<Handle> {
        let family = MetricFamily(
            definition, kind: kind, constantLabels: constantLabels, refused: refused.series(definition.name),
            make: make,
            print: print)
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

    /// The metrics page in the Prometheus text format 0.0.4; on any thread. Families without series are left out.
    package func page() -> [UInt8] {
        var text = PrometheusText()
        let (families, collectors) = contents.withLock { $0 }
        for family in families { family.write(&text) }
        writeRefused(families, &text)
        for collector in collectors { collector(&text) }
        return text.bytes
    }

    private func writeRefused(_ families: [any MetricPrinting], _ text: inout PrometheusText) {
        let refusals = families.map { ($0.name, refused.series($0.name).value) }.filter { $0.1 > 0 }
        guard !refusals.isEmpty else { return }
        text.metric(refused.name, .counter, help: refused.help)
        for (name, value) in refusals {
            text.sample(refused.name, constantLabels + [("metric", name)], Double(value))
        }
    }
}
