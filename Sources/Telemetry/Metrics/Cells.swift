import Synchronization

/// The numbers of one series: for each shard a row of its own cache lines, which one thread alone writes.
///
/// That is why recording needs no locked instruction: a plain add between two relaxed accesses. A reader on
/// another thread sees each cell whole, at worst a moment old.
final class Cells: Sendable {
    /// Sendable: the pointer never changes, the memory lives as long as `self`, and is reached through
    /// atomics alone.
    private nonisolated(unsafe) let base: UnsafeMutablePointer<Atomic<UInt64>>
    private let stride: Int
    let rows: Int
    let columns: Int

    init(rows: Int, columns: Int) {
        self.rows = rows
        self.columns = columns
        // Eight cells are one cache line of 64 bytes.
        stride = (columns + 7) & ~7
        let memory = UnsafeMutableRawPointer.allocate(byteCount: rows * stride * 8, alignment: 64)
        base = memory.bindMemory(to: Atomic<UInt64>.self, capacity: rows * stride)
        for index in 0..<rows * stride { (base + index).initialize(to: Atomic(0)) }
    }

    deinit {
        // Atomics of integers need no deinitialisation.
        UnsafeMutableRawPointer(base).deallocate()
    }

    /// The cells of a row, valid as long as `self`.
    func row(_ row: Int) -> UnsafeMutablePointer<Atomic<UInt64>> {
        assert(row < rows)
        return base + row &* stride
    }

    /// By the one thread that writes the row.
    @inline(__always)
    func add(_ amount: UInt64, row: Int, column: Int) {
        assert(row < rows && column < columns)
        let cell = base + (row &* stride &+ column)
        cell.pointee.store(cell.pointee.load(ordering: .relaxed) &+ amount, ordering: .relaxed)
    }

    /// By any thread, into the row that all share.
    @inline(__always)
    func addShared(_ amount: UInt64, row: Int, column: Int) {
        assert(row < rows && column < columns)
        (base + (row &* stride &+ column)).pointee.wrappingAdd(amount, ordering: .relaxed)
    }

    @inline(__always)
    func set(_ value: UInt64, row: Int, column: Int) {
        assert(row < rows && column < columns)
        (base + (row &* stride &+ column)).pointee.store(value, ordering: .relaxed)
    }

    /// The sum over all rows.
    func sum(_ column: Int) -> UInt64 {
        var sum: UInt64 = 0
        for row in 0..<rows { sum &+= (base + (row * stride + column)).pointee.load(ordering: .relaxed) }
        return sum
    }
}
