/// A hash table from paths to values that is asked with bytes, so that a request's path never becomes a `String`.
///
/// Only our own paths are inserted; what a peer sends is only looked up, so collisions can't be provoked
/// into long probes.
struct PathTable<Value> {
    private struct Slot {
        var hash: UInt64
        var path: [UInt8]
        var value: Value
    }

    private var slots: [Slot?] = Array(repeating: nil, count: 16)
    private var count = 0

    var values: [Value] { slots.compactMap { $0?.value } }

    mutating func insert(_ value: Value, for path: String) {
        let bytes = Array(path.utf8)
        if (count + 1) * 2 > slots.count { grow() }
        place(Slot(hash: bytes.withUnsafeBytes(Self.hash), path: bytes, value: value))
    }

    func find(_ path: UnsafeRawBufferPointer) -> Value? {
        let hash = Self.hash(path)
        var index = Int(truncatingIfNeeded: hash) & (slots.count - 1)
        while true {
            let found = slots.withUnsafeBufferPointer { slots -> (done: Bool, value: Value?) in
                switch slots[index] {
                case .none: return (true, nil)
                case .some(let slot):
                    guard slot.hash == hash, slot.path.count == path.count,
                        slot.path.withUnsafeBytes({ $0.elementsEqual(path) })
                    else { return (false, nil) }
                    return (true, slot.value)
                }
            }
            if found.done { return found.value }
            index = (index + 1) & (slots.count - 1)
        }
    }

    private mutating func place(_ slot: Slot) {
        var index = Int(truncatingIfNeeded: slot.hash) & (slots.count - 1)
        while let held = slots[index], held.path != slot.path { index = (index + 1) & (slots.count - 1) }
        if slots[index] == nil { count += 1 }
        slots[index] = slot
    }

    private mutating func grow() {
        let old = slots
        slots = Array(repeating: nil, count: old.count * 2)
        count = 0
        for case .some(let slot) in old { place(slot) }
    }

    /// FNV-1a over words of 8 bytes: paths are 30 to 80 bytes long.
    private static func hash(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325 ^ UInt64(bytes.count)
        var offset = 0
        while offset + 8 <= bytes.count {
            hash = (hash ^ bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)) &* 0x9e37_79b9_7f4a_7c15
            hash ^= hash >> 32
            offset += 8
        }
        while offset < bytes.count {
            hash = (hash ^ UInt64(bytes[offset])) &* 0x100_0000_01b3
            offset += 1
        }
        return hash ^ (hash >> 29)
    }
}
