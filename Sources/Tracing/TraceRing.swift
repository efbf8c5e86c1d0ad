import Synchronization

/// A request that was slow or failed. No payload, no header, no message of anybody.
package struct TraceEntry: Sendable {
    package var traceID: String
    package var spanID: String
    package var wire: String
    package var name: String
    /// Component or app; may be empty.
    package var target: String
    package var code: String
    package var isSlow: Bool
    package var isFailed: Bool
    /// Tries of its calls after the first of each.
    package var retries: Int
    /// Nanoseconds since 1970.
    package var start: UInt64
    package var nanoseconds: UInt64
    package var stages: [StageTime]
}

/// The last slow and the last failed requests of a runtime, so many of each that a flood of one does not push out the other.
/// Any thread.
package final class TraceRing: Sendable {
    private struct Part {
        var entries: [TraceEntry] = []
        var next = 0

        mutating func add(_ entry: TraceEntry, capacity: Int) {
            if entries.count < capacity {
                entries.append(entry)
            } else {
                entries[next] = entry
                next = (next + 1) % capacity
            }
        }
    }

    private let capacity: Int
    private let parts = Mutex((slow: Part(), failed: Part()))

    /// - Parameter capacity: entries of each kind.
    package init(capacity: Int = 256) { self.capacity = capacity }

    package func add(_ entry: TraceEntry) {
        parts.withLock { parts in
            if entry.isFailed { parts.failed.add(entry, capacity: capacity) } else { parts.slow.add(entry, capacity: capacity) }
        }
    }

    /// The newest first.
    package var entries: [TraceEntry] {
        parts.withLock { $0.slow.entries + $0.failed.entries }.sorted { $0.start + $0.nanoseconds > $1.start + $1.nanoseconds }
    }
}
