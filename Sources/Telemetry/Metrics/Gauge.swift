/// One series of a gauge: a number that goes up and down. Its value is the sum over the shards.
package struct Gauge: Sendable {
    let cells: Cells

    /// Goes up, or down with a negative amount; on the thread of the shard.
    @inline(__always)
    package func add(_ amount: Int64, _ shard: MetricShard = .shared) {
        let bits = UInt64(bitPattern: amount)
        if shard.isShared {
            cells.addShared(bits, row: 0, column: 0)
        } else {
            cells.add(bits, row: shard.row, column: 0)
        }
    }

    /// Replaces what the shard holds; on the thread of the shard. A gauge is either set in one shard or
    /// added to in several.
    @inline(__always)
    package func set(_ value: Int64, _ shard: MetricShard = .shared) {
        cells.set(UInt64(bitPattern: value), row: shard.row, column: 0)
    }

    /// The sum over all shards; on any thread.
    package var value: Int64 { Int64(bitPattern: cells.sum(0)) }
}
