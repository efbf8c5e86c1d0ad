/// Writes the Prometheus text format 0.0.4.
package struct PrometheusText: Sendable {
    package private(set) var bytes: [UInt8] = []

    /// The value of the `content-type` header.
    package static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    package enum Kind: String, Sendable {
        case counter, gauge, histogram
    }

    package init() { bytes.reserveCapacity(64 << 10) }

    /// Starts a metric: its samples must follow.
    package mutating func metric(_ name: String, _ kind: Kind, help: String) {
        append("# HELP \(name) ")
        for byte in help.utf8 {
            switch byte {
            case 0x5c: append("\\\\")
            case 0x0a: append("\\n")
            default: bytes.append(byte)
            }
        }
        append("\n# TYPE \(name) \(kind.rawValue)\n")
    }

    package mutating func sample(_ name: String, _ labels: [(String, String)] = [], _ value: Double) {
        append(name)
        append(PrometheusText.braces(PrometheusText.labels(labels)))
        bytes.append(0x20)
        append(PrometheusText.number(value))
        bytes.append(0x0a)
    }

    /// One sample whose labels are text already.
    mutating func line(_ name: [UInt8], _ labels: [UInt8], _ value: [UInt8]) {
        bytes += name
        append(PrometheusText.braces(labels))
        bytes.append(0x20)
        bytes += value
        bytes.append(0x0a)
    }

    private mutating func append(_ text: String) { bytes.append(contentsOf: text.utf8) }

    private mutating func append(_ more: [UInt8]) { bytes += more }

    private static func braces(_ labels: [UInt8]) -> [UInt8] {
        labels.isEmpty ? [] : [0x7b] + labels + [0x7d]
    }

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
