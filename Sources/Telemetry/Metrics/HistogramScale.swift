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
    /// For each position of a value's highest bit the first bound that can hold it.
    private let firstBound: [Int]

    /// - Parameters:
    ///   - bounds: ascending, at least one.
    ///   - divisor: recorded units in one shown unit.
    package init(bounds: [UInt64], divisor: Double, shownStride: Int = 1) {
        precondition(!bounds.isEmpty && zip(bounds, bounds.dropFirst()).allSatisfy(<), "bounds ascend")
        self.bounds = bounds
        self.divisor = divisor
        self.shownStride = shownStride
        firstBound = (0...64).map { bits in
            // Values with that many bits start at 2^(bits - 1).
            let smallest: UInt64 = bits == 0 ? 0 : 1 << UInt64(bits - 1)
            return bounds.firstIndex { $0 >= smallest } ?? bounds.count
        }
    }

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

    /// Sizes in bytes from 64 to 64 Mi, in steps of four.
    package static let size = HistogramScale(bounds: (0...10).map { 64 << (2 * UInt64($0)) }, divisor: 1)

    /// The bucket of a value; `bounds.count` is the one beyond all bounds.
    @inline(__always)
    func bucket(_ value: UInt64) -> Int {
        var index = firstBound[64 - value.leadingZeroBitCount]
        while index < bounds.count, value > bounds[index] { index += 1 }
        return index
    }
}
