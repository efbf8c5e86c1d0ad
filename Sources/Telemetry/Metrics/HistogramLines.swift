/// The lines of a histogram's series, with everything that never changes written once.
struct HistogramLines: Sendable {
    private let bucket: [UInt8]
    private let sum: [UInt8]
    private let count: [UInt8]
    /// Bounds that are shown, by index, as `le="0.005"`.
    private let shown: [(bound: Int, label: [UInt8])]
    private let divisor: Double

    init(_ name: String, _ scale: HistogramScale) {
        bucket = Array("\(name)_bucket".utf8)
        sum = Array("\(name)_sum".utf8)
        count = Array("\(name)_count".utf8)
        divisor = scale.divisor
        shown = stride(from: 0, to: scale.bounds.count, by: scale.shownStride).map { index in
            let bound = PrometheusText.number(Double(scale.bounds[index]) / scale.divisor)
            return (index, Array("le=\"\(bound)\"".utf8))
        }
    }

    func write(_ snapshot: HistogramSnapshot, _ labels: [UInt8], _ text: inout PrometheusText) {
        let prefix = labels.isEmpty ? [] : labels + [0x2c]
        var total: UInt64 = 0
        var next = 0
        for (bound, label) in shown {
            while next <= bound {
                total &+= snapshot.counts[next]
                next += 1
            }
            text.line(bucket, prefix + label, Array(String(total).utf8))
        }
        while next < snapshot.counts.count {
            total &+= snapshot.counts[next]
            next += 1
        }
        // The total is that of the buckets, so that a page never contradicts itself.
        text.line(bucket, prefix + Array("le=\"+Inf\"".utf8), Array(String(total).utf8))
        text.line(sum, labels, Array(PrometheusText.number(Double(snapshot.sum) / divisor).utf8))
        text.line(count, labels, Array(String(total).utf8))
    }
}
