import Synchronization

/// Series that are recorded together, by one event loop: some counters by one, some histograms by one value. Made once, kept by who
/// sees the same again and again; recording looks nothing up and counts no references, which is most of what the handles cost. Used on
/// the thread of its shard alone. (Open, since Swift has no word for "open in the package".)
open class SeriesGroup {
    private struct Place {
        /// Of a histogram, the first bucket.
        let cell: UnsafeMutablePointer<Atomic<UInt64>>
        /// Of the scale; nil for a counter.
        let table: UnsafePointer<UInt64>?
        let bounds: Int
    }

    // They own the memory that `places` points to.
    private let counters: [Counter]
    private let histograms: [Histogram]
    private let sizes: [Histogram]
    private let places: UnsafeMutablePointer<Place>
    /// Of counters and histograms; behind them are two for sizes, or none.
    private let count: Int
    private let hasSizes: Bool

    /// `shard`: of an event loop. `sizes`: of what has come, and of what has been sent.
    package init(_ counters: [Counter], _ histograms: [Histogram], sizes: (received: Histogram, sent: Histogram)? = nil, _ shard: MetricShard) {
        precondition(!shard.isShared, "a group is an event loop's")
        self.counters = counters
        self.histograms = histograms
        self.sizes = sizes.map { [$0.received, $0.sent] } ?? []
        count = counters.count + histograms.count
        hasSizes = sizes != nil
        places = .allocate(capacity: count + 2)
        for (index, one) in counters.enumerated() {
            (places + index).initialize(to: Place(cell: one.cells.row(shard.row), table: nil, bounds: 0))
        }
        for (index, one) in (histograms + self.sizes).enumerated() {
            (places + counters.count + index).initialize(
                to: Place(cell: one.cells.row(shard.row), table: one.scale.table, bounds: one.scale.bounds.count))
        }
    }

    deinit { places.deallocate() }

    /// Counts one, with a value in the unit of the scales.
    package final func record(_ value: UInt64) {
        for index in 0..<count {
            let place = places + index
            let cell = place.pointee.cell
            guard let table = place.pointee.table else {
                Self.add(1, cell)
                continue
            }
            Self.record(value, cell, table, place.pointee.bounds)
        }
    }

    /// The same, with the bytes that have come and been sent.
    package final func record(_ value: UInt64, received: Int, sent: Int) {
        record(value)
        guard hasSizes else { return }
        record(UInt64(truncatingIfNeeded: received), in: places + count)
        record(UInt64(truncatingIfNeeded: sent), in: places + (count &+ 1))
    }

    @inline(__always)
    private func record(_ value: UInt64, in place: UnsafeMutablePointer<Place>) {
        guard let table = place.pointee.table else { return }
        Self.record(value, place.pointee.cell, table, place.pointee.bounds)
    }

    @inline(__always)
    private static func record(
        _ value: UInt64, _ cell: UnsafeMutablePointer<Atomic<UInt64>>, _ table: UnsafePointer<UInt64>, _ bounds: Int
    ) {
        add(1, cell + HistogramScale.bucket(value, table, bounds))
        // The sum is behind the buckets and the one beyond all bounds.
        add(value, cell + (bounds &+ 1))
    }

    /// By the one thread that writes the row.
    @inline(__always)
    private static func add(_ amount: UInt64, _ cell: UnsafeMutablePointer<Atomic<UInt64>>) {
        cell.pointee.store(cell.pointee.load(ordering: .relaxed) &+ amount, ordering: .relaxed)
    }
}

/// The last one of several, which most are like: held without being counted each time it is asked.
package struct LastSeries<Series: SeriesGroup>: ~Copyable {
    private var held: Unmanaged<Series>?

    package init() {}

    deinit { held?.release() }

    /// Records in it if it `fits`.
    @inline(__always)
    package func record(_ value: UInt64, received: Int = 0, sent: Int = 0, if fits: (Series) -> Bool) -> Bool {
        guard let held else { return false }
        return held._withUnsafeGuaranteedRef { series in
            guard fits(series) else { return false }
            series.record(value, received: received, sent: sent)
            return true
        }
    }

    package mutating func keep(_ series: Series) {
        held?.release()
        held = .passRetained(series)
    }
}
