import Synchronization

/// A metric and its series, one for each combination of label values that was asked for. On any thread;
/// takes a lock, so that handles are made when a component or route is, not for each call.
///
/// The number of series is bounded: whatever comes beyond shares one whose labels all say `other`, and is
/// counted in `octavo_metrics_series_refused_total`. A label from outside can't grow the process.
package final class MetricFamily<Handle: Sendable>: Sendable, MetricReading {
    let name: String
    let kind: MetricSet.Kind
    let help: String
    private let labelNames: [String]
    private let constantLabels: [(String, String)]
    private let limit: Int
    private let refused: Counter?
    private let make: @Sendable () -> Handle
    private let read: @Sendable (Handle) -> MetricSet.Value
    /// Of a histogram.
    private let lines: HistogramLines?
    private let series = Mutex<[Series]>([])

    private struct Series {
        var values: [String]
        /// Rendered once.
        var rendered: [UInt8]
        var labels: [(String, String)]
        var handle: Handle
    }

    init(
        _ definition: MetricDefinition, kind: MetricSet.Kind, constantLabels: [(String, String)],
        refused: Counter?, lines: HistogramLines? = nil,
        make: @escaping @Sendable () -> Handle, read: @escaping @Sendable (Handle) -> MetricSet.Value
    ) {
        name = definition.name
        help = definition.help
        labelNames = definition.labels
        limit = definition.limit
        self.kind = kind
        self.constantLabels = constantLabels
        self.refused = refused
        self.make = make
        self.read = read
        self.lines = lines
    }

    /// The series with those label values, in the order of the labels; made when it is new.
    package func series(_ values: String...) -> Handle { series(values) }

    package func series(_ values: [String]) -> Handle {
        precondition(values.count == labelNames.count, "\(name) has \(labelNames.count) labels")
        return series.withLock { all in
            if let found = all.first(where: { $0.values == values }) { return found.handle }
            guard all.count >= limit else { return add(values, &all) }
            refused?.add()
            let other = values.map { _ in "other" }
            return all.first { $0.values == other }?.handle ?? add(other, &all)
        }
    }

    /// Takes all series off the page whose label values fit. Handles to them stay usable.
    package func remove(where fits: ([String]) -> Bool) {
        series.withLock { all in all.removeAll { fits($0.values) } }
    }

    /// The handles of all series whose label values fit.
    package func handles(where fits: ([String]) -> Bool) -> [Handle] {
        series.withLock { all in all.filter { fits($0.values) }.map(\.handle) }
    }

    /// All series with their label values, in the order of the labels.
    package var all: [(values: [String], handle: Handle)] { series.withLock { all in all.map { ($0.values, $0.handle) } } }

    /// Takes a series off the page. Handles to it stay usable; what they record is not shown any more.
    package func remove(_ values: String...) {
        series.withLock { all in all.removeAll { $0.values == values } }
    }

    private func add(_ values: [String], _ all: inout [Series]) -> Handle {
        let handle = make()
        let labels = constantLabels + zip(labelNames, values).map { ($0, $1) }
        all.append(Series(values: values, rendered: PrometheusText.labels(labels), labels: labels, handle: handle))
        return handle
    }

    func read(into set: inout MetricSet) {
        let all = series.withLock { $0 }
        guard !all.isEmpty else { return }
        set.add(
            MetricSet.Metric(
                name: name, kind: kind, help: help,
                points: all.map { MetricSet.Point(labels: $0.labels, value: read($0.handle), rendered: $0.rendered) }, lines: lines))
    }
}

extension MetricFamily where Handle == Histogram {
    /// All series whose label values fit, together; `nil` when there are none.
    package func snapshot(where fits: ([String]) -> Bool) -> HistogramSnapshot? {
        var sum: HistogramSnapshot?
        for handle in handles(where: fits) {
            let one = handle.snapshot()
            sum = sum.map { $0 + one } ?? one
        }
        return sum
    }
}

/// What the registry needs of a family, whatever its kind.
protocol MetricReading: Sendable {
    var name: String { get }
    /// Nothing without series.
    func read(into set: inout MetricSet)
}

/// The name of a metric and what it tells.
package struct MetricDefinition: Sendable {
    let name: String
    let help: String
    let labels: [String]
    let limit: Int

    /// - Parameters:
    ///   - name: as Prometheus wants it: letters, digits, `_` and `:`.
    ///   - help: one line for people.
    ///   - labels: names of the labels that tell its series apart.
    ///   - limit: how many series there may be.
    package init(_ name: String, help: String, labels: [String] = [], limit: Int = 256) {
        precondition(([name] + labels).allSatisfy(MetricDefinition.isName), "\(name) is no name of a metric")
        self.name = name
        self.help = help
        self.labels = labels
        self.limit = limit
    }

    private static func isName(_ name: String) -> Bool {
        guard let first = name.utf8.first, !(0x30...0x39).contains(first) else { return false }
        return name.utf8.allSatisfy {
            switch $0 {
            case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x5f, 0x3a: true
            default: false
            }
        }
    }
}
