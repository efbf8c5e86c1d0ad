/// One series of a histogram: how often values fell into each bucket, and their sum.
package struct Histogram: Sendable {
    let cells: Cells
    let scale: HistogramScale

    /// Column of the sum, behind the buckets and the one beyond all bounds.
    private var sumColumn: Int { scale.bounds.count + 1 }

    static func columns(_ scale: HistogramScale) -> Int { scale.bounds.count + 2 }

    /// Counts a value in the unit of the scale, `count` times when it stands for so many; on the thread of the
    /// shard.
    @inline(__always)
    package func record(_ value: UInt64, _ shard: MetricShard = .shared, count: UInt64 = 1) {
        let bucket = scale.bucket(value)
        if shard.isShared {
            cells.addShared(count, row: 0, column: bucket)
            cells.addShared(value &* count, row: 0, column: sumColumn)
        } else {
            cells.add(count, row: shard.row, column: bucket)
            cells.add(value &* count, row: shard.row, column: sumColumn)
        }
    }

    /// What was recorded so far; on any thread. Counts that are recorded meanwhile may or may not be in it.
    package func snapshot() -> HistogramSnapshot {
        HistogramSnapshot(
            scale: scale, counts: (0...scale.bounds.count).map { cells.sum($0) }, sum: cells.sum(sumColumn))
    }
}

/// The state of a histogram at one moment, or between two.
package struct HistogramSnapshot: Sendable {
    package let scale: HistogramScale
    /// One for each bound, and one beyond all of them.
    package let counts: [UInt64]
    /// In the unit of the scale.
    package let sum: UInt64

    package var count: UInt64 { counts.reduce(0, &+) }

    /// Both together; they have the same scale.
    package static func + (one: HistogramSnapshot, other: HistogramSnapshot) -> HistogramSnapshot {
        HistogramSnapshot(
            scale: one.scale, counts: zip(one.counts, other.counts).map { $0 &+ $1 }, sum: one.sum &+ other.sum)
    }

    /// The value that a share of all recorded ones does not exceed, in the unit of the scale: the upper end of
    /// its bucket. Nil when nothing was recorded. Values beyond all bounds count as the last bound.
    package func quantile(_ share: Double) -> UInt64? {
        let total = count
        guard total > 0 else { return nil }
        let wanted = max(1, UInt64((Double(total) * min(max(share, 0), 1)).rounded(.up)))
        var seen: UInt64 = 0
        for (index, count) in counts.enumerated() {
            seen += count
            if seen >= wanted { return scale.bounds[min(index, scale.bounds.count - 1)] }
        }
        return scale.bounds.last
    }
}

extension HistogramSnapshot {
    /// As the metrics page shows it, in the unit that is shown: the bounds, and how many values fell between each and the one
    /// before; one more count for what is beyond all of them.
    package var shown: (bounds: [Double], counts: [UInt64], sum: Double) {
        var bounds: [Double] = [], all: [UInt64] = []
        var next = 0
        for index in stride(from: 0, to: scale.bounds.count, by: scale.shownStride) {
            bounds.append(Double(scale.bounds[index]) / scale.divisor)
            all.append(counts[next...index].reduce(0, &+))
            next = index + 1
        }
        all.append(counts[next...].reduce(0, &+))
        return (bounds, all, Double(sum) / scale.divisor)
    }
}
