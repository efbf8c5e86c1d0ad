/// All metrics at one moment, before they are written in the form of whoever reads them: the metrics page, a collector.
package struct MetricSet: Sendable {
    package enum Kind: String, Sendable {
        /// A number that only grows.
        case counter
        case gauge, histogram
    }

    package enum Value: Sendable {
        case count(UInt64)
        case level(Int64)
        /// Looked up at the moment, so that whole numbers are among fractions.
        case number(Double)
        case histogram(HistogramSnapshot)
    }

    /// One series.
    package struct Point: Sendable {
        package let labels: [(String, String)]
        package let value: Value
        /// The labels as the metrics page has them, where somebody keeps them; nil: to be written when needed.
        let rendered: [UInt8]?
    }

    package struct Metric: Sendable {
        package let name: String
        package let kind: Kind
        /// One line for people.
        package let help: String
        package internal(set) var points: [Point] = []
        /// Of a histogram.
        let lines: HistogramLines?
    }

    package private(set) var metrics: [Metric] = []

    package init() {}

    /// Starts a metric: its samples must follow.
    package mutating func metric(_ name: String, _ kind: Kind, help: String) {
        metrics.append(Metric(name: name, kind: kind, help: help, lines: nil))
    }

    /// One series of the metric that was started last, which must be `name`.
    package mutating func sample(_ name: String, _ labels: [(String, String)] = [], _ value: Double) {
        assert(metrics.last?.name == name, "\(name) was not started")
        guard !metrics.isEmpty else { return }
        metrics[metrics.count - 1].points.append(Point(labels: labels, value: .number(value), rendered: nil))
    }

    mutating func add(_ metric: Metric) { metrics.append(metric) }

    /// Puts the metrics of another behind these.
    package mutating func add(_ other: MetricSet) { metrics += other.metrics }

    /// How many series there are.
    package var count: Int { metrics.reduce(0) { $0 + $1.points.count } }
}
