/// One series of a counter: a number that only grows. A handle to keep, not to look up for each call.
package struct Counter: Sendable {
    let cells: Cells

    /// Counts `amount` more; on the thread of the shard.
    @inline(__always)
    package func add(_ amount: UInt64 = 1, _ shard: MetricShard = .shared) {
        if shard.isShared {
            cells.addShared(amount, row: 0, column: 0)
        } else {
            cells.add(amount, row: shard.row, column: 0)
        }
    }

    /// The sum over all shards; on any thread.
    package var value: UInt64 { cells.sum(0) }
}
