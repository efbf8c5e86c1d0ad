/// Who records: one event loop, or everybody else together.
///
/// A shard of an event loop must be used on that loop's thread alone: recording there is a plain add
/// without a locked instruction, and two writers would lose counts. `shared` may be used on any thread.
package struct MetricShard: Sendable, Equatable {
    let row: Int
    let isShared: Bool

    /// For any thread; some nanoseconds slower under contention.
    package static let shared = MetricShard(row: 0, isShared: true)

    /// For event loop number `loop`, counted from 0.
    package init(loop: Int) {
        precondition(loop >= 0, "an event loop has a number")
        row = loop + 1
        isShared = false
    }

    private init(row: Int, isShared: Bool) {
        self.row = row
        self.isShared = isShared
    }
}
