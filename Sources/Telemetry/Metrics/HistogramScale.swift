/// The buckets of a histogram: upper bounds, inclusive, in the unit that is recorded (nanoseconds, bytes).
///
/// Made once, shared by all series. Finding a bucket takes the position of the highest bit, one table
/// look-up and a comparison for each bound in that octave.
package final class HistogramScale: Sendable {
    package let bounds: [UInt64]
    /// Every how many bounds one is shown on the metrics page; the finer ones serve quantiles.
    let shownStride: Int
    /// Recorded units in one shown unit: 1e9 when nanoseconds are shown as seconds.
    let divisor: Double
    /// For each position of a value's highest bit the first bound that can hold it, and behind that the bounds: to be read with no
    /// reference to count. Sendable: written before anybody else has the scale, and freed with it.
    nonisolated(unsafe) let table: UnsafePointer<UInt64>
    private static let octaves = 65

    /// - Parameters:
    ///   - bounds: ascending, at least one.
    ///   - divisor: recorded units in one shown unit.
    package init(bounds: [UInt64], divisor: Double, shownStride: Int = 1) {
        precondition(!bounds.isEmpty && zip(bounds, bounds.dropFirst()).allSatisfy(<), "bounds ascend")
        self.bounds = bounds
        self.divisor = divisor
        self.shownStride = shownStride
        let firstBound = (0...64).map { bits in
            // Values with that many bits start at 2^(bits - 1).
            let smallest: UInt64 = bits == 0 ? 0 : 1 << UInt64(bits - 1)
            return bounds.firstIndex { $0 >= smallest } ?? bounds.count
        }
        let table = UnsafeMutablePointer<UInt64>.allocate(capacity: Self.octaves + bounds.count)
        for (index, first) in firstBound.enumerated() { (table + index).initialize(to: UInt64(first)) }
        for (index, bound) in bounds.enumerated() { (table + Self.octaves + index).initialize(to: bound) }
        self.table = UnsafePointer(table)
    }

    deinit { table.deallocate() }

    /// Latencies in nanoseconds from 1 µs to 67 s, shown in seconds: each doubling is cut into four equal
    /// parts, so that a quantile is at most a quarter off; every second bound is shown (53 lines a series).
    package static let latency: HistogramScale = {
        var bounds: [UInt64] = []
        for octave in 0..<26 {
            let start: UInt64 = 1000 << UInt64(octave)
            for part: UInt64 in 0..<4 { bounds.append(start + start / 4 * part) }
        }
        bounds.append(1000 << 26)
        return HistogramScale(bounds: bounds, divisor: 1e9, shownStride: 2)
    }()

    /// Latencies in nanoseconds, shown in milliseconds with Dapr's bounds: for the metrics that carry its names.
    package static let daprLatency = milliseconds([
        1, 2, 3, 4, 5, 6, 8, 10, 13, 16, 20, 25, 30, 40, 50, 65, 80, 100, 130, 160, 200, 250, 300, 400, 500, 650, 800,
        1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000,
    ])

    /// Sizes in bytes with Dapr's bounds, from 1 KiB to 4 GiB.
    package static let size = HistogramScale(
        bounds: [
            1 << 10, 2 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20, 4 << 20, 16 << 20, 64 << 20, 256 << 20,
            1 << 30, 4 << 30,
        ], divisor: 1)

    /// Latencies in nanoseconds, shown in milliseconds: for bounds that an operator configures.
    ///
    /// - Parameter bounds: ascending, at least one, in milliseconds.
    package static func milliseconds(_ bounds: [Int]) -> HistogramScale {
        HistogramScale(bounds: bounds.map { UInt64($0) * 1_000_000 }, divisor: 1e6)
    }

    /// The bucket of a value; `bounds.count` is the one beyond all bounds.
    @inline(__always)
    func bucket(_ value: UInt64) -> Int {
        HistogramScale.bucket(value, table, bounds.count)
    }

    /// `count`: of the bounds.
    @inline(__always)
    static func bucket(_ value: UInt64, _ table: UnsafePointer<UInt64>, _ count: Int) -> Int {
        var index = Int(table[64 - value.leadingZeroBitCount])
        while index < count, value > table[octaves + index] { index += 1 }
        return index
    }
}
