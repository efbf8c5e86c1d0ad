/// Writes a message backwards: the last field first, each value before its tag. The length of a message within a
/// message is then known when it is to be written, in one pass and without a copy.
///
/// A field without presence is left out at its default; `always` writes it, as fields with presence, the
/// elements of lists and the parts of a map's pair are.
package struct ProtoWriter: ~Copyable {
    // `at...capacity` is written; the memory is this writer's alone.
    private var memory: UnsafeMutableRawPointer
    private var capacity: Int
    private var at: Int

    init(capacity: Int = 256) {
        memory = .allocate(byteCount: capacity, alignment: 1)
        self.capacity = capacity
        at = capacity
    }

    deinit { memory.deallocate() }

    /// What was written. Valid until the next change.
    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: memory + at, count: capacity - at) }

    /// Writes a message by hand. The bytes are valid during `use`.
    package static func with<Result>(
        _ write: (inout ProtoWriter) -> Void, use: (UnsafeRawBufferPointer) -> Result
    ) -> Result {
        var output = ProtoWriter(capacity: 1024)
        write(&output)
        return use(output.bytes)
    }

    // MARK: Layouts

    mutating func tag(_ number: UInt32, _ type: ProtoReader.WireType) {
        varint(UInt64(number << 3 | UInt32(type.rawValue)))
    }

    @inline(__always)
    mutating func varint(_ value: UInt64) {
        guard value < 0x80 else { return longVarint(value) }
        reserve(1)
        memory.storeBytes(of: UInt8(truncatingIfNeeded: value), toByteOffset: at, as: UInt8.self)
    }

    private mutating func longVarint(_ value: UInt64) {
        let size = (70 - value.leadingZeroBitCount) / 7
        reserve(size)
        var rest = value
        for offset in 0..<size {
            memory.storeBytes(
                of: UInt8(truncatingIfNeeded: rest) & 0x7f | (offset < size - 1 ? 0x80 : 0), toByteOffset: at + offset,
                as: UInt8.self)
            rest >>= 7
        }
    }

    mutating func fixed<Number: FixedWidthInteger>(_ value: Number) {
        reserve(MemoryLayout<Number>.size)
        memory.storeBytes(of: value.littleEndian, toByteOffset: at, as: Number.self)
    }

    mutating func raw(_ bytes: UnsafeRawBufferPointer) {
        guard let from = bytes.baseAddress else { return }
        reserve(bytes.count)
        (memory + at).copyMemory(from: from, byteCount: bytes.count)
    }

    /// A length-delimited field with what `write` writes.
    package mutating func nested(_ number: UInt32, _ write: (inout ProtoWriter) -> Void) {
        let before = capacity - at
        write(&self)
        varint(UInt64(capacity - at - before))
        tag(number, .bytes)
    }

    /// Makes room for `count` bytes before what was written, and moves there.
    private mutating func reserve(_ count: Int) {
        if count > at { grow(count) }
        at -= count
    }

    private mutating func grow(_ count: Int) {
        let written = capacity - at
        let larger = max(capacity * 2, written + count)
        let moved = UnsafeMutableRawPointer.allocate(byteCount: larger, alignment: 1)
        (moved + larger - written).copyMemory(from: memory + at, byteCount: written)
        memory.deallocate()
        memory = moved
        capacity = larger
        at = larger - written
    }
}
