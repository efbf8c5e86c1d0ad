/// The Prometheus text format 0.0.4.
package struct PrometheusText: Sendable {
    private var bytes: [UInt8] = []

    /// The value of the `content-type` header.
    package static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    /// The page that shows `set`.
    package static func page(_ set: MetricSet) -> [UInt8] {
        var text = PrometheusText()
        text.bytes.reserveCapacity(64 << 10)
        for metric in set.metrics { text.write(metric) }
        return text.bytes
    }

    private mutating func write(_ metric: MetricSet.Metric) {
        head(metric)
        let name = Array(metric.name.utf8)
        for point in metric.points {
            let labels = point.rendered ?? PrometheusText.labels(point.labels)
            switch point.value {
            case .count(let value): line(name, labels, Array(String(value).utf8))
            case .level(let value): line(name, labels, Array(String(value).utf8))
            case .number(let value): line(name, labels, Array(PrometheusText.number(value).utf8))
            case .histogram(let snapshot): (metric.lines ?? HistogramLines(metric.name, snapshot.scale)).write(snapshot, labels, &self)
            }
        }
    }

    private mutating func head(_ metric: MetricSet.Metric) {
        append("# HELP \(metric.name) ")
        for byte in metric.help.utf8 {
            switch byte {
            case 0x5c: append("\\\\")
            case 0x0a: append("\\n")
            default: bytes.append(byte)
            }
        }
        append("\n# TYPE \(metric.name) \(metric.kind.rawValue)\n")
    }

    /// One sample whose labels are text already.
    mutating func line(_ name: [UInt8], _ labels: [UInt8], _ value: [UInt8]) {
        bytes += name
        if !labels.isEmpty {
            bytes.append(0x7b)
            bytes += labels
            bytes.append(0x7d)
        }
        bytes.append(0x20)
        bytes += value
        bytes.append(0x0a)
    }

    private mutating func append(_ text: String) { bytes.append(contentsOf: text.utf8) }

    /// `a="x",b="y"` with what must be escaped escaped.
    static func labels(_ labels: [(String, String)]) -> [UInt8] {
        var out: [UInt8] = []
        for (name, value) in labels {
            if !out.isEmpty { out.append(0x2c) }
            out += Array(name.utf8)
            out += [0x3d, 0x22]
            for byte in value.utf8 {
                switch byte {
                case 0x5c: out += [0x5c, 0x5c]
                case 0x22: out += [0x5c, 0x22]
                case 0x0a: out += [0x5c, 0x6e]
                default: out.append(byte)
                }
            }
            out.append(0x22)
        }
        return out
    }

    /// A number as Go reads it, whole ones without a fraction.
    static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        return value == value.rounded() && abs(value) < 9e15 ? String(Int64(value)) : "\(value)"
    }
}
