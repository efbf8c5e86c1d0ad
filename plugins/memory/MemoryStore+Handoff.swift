import MemoryPluginNative
import PluginKit

/// What goes over at a reload: first the highest version that was given, then the values that live, each as
/// sizes of key and value, time of its end, etag, key, value. Numbers are little-endian.
extension MemoryStore {
    private static let head = 4 + 8 + 8 + 16
    /// Pieces are cut here, between values.
    private static let piece = 256 << 10

    func exportAll(_ sink: (Bytes) -> Bool) {
        var piece: [UInt8] = []
        func send() -> Bool {
            let goesOn = piece.withUnsafeBytes { sink(Bytes($0)) }
            piece.removeAll(keepingCapacity: true)
            return goesOn
        }
        var highest: UInt64 = 0
        for index in 0..<Self.shardCount { highest = max(highest, shards[index].version) }
        append(highest, 8, to: &piece)
        guard send() else { return }
        let now = plugin_kit_wall()
        var goesOn = true
        for index in 0..<Self.shardCount where goesOn {
            let shard = shards + index
            acquire(shard)
            defer { release(shard) }
            shard.pointee.forEach { node in
                guard goesOn, !node.isExpired(at: now) else { return }
                append(UInt64(node.key.count), 4, to: &piece)
                append(UInt64(node.value.count), 8, to: &piece)
                append(UInt64(bitPattern: node.pointee.expires), 8, to: &piece)
                piece.append(contentsOf: node.etag.raw)
                piece.append(contentsOf: node.key.raw)
                piece.append(contentsOf: node.value.raw)
                if piece.count >= Self.piece { goesOn = send() }
            }
        }
        if goesOn, !piece.isEmpty { _ = send() }
    }

    /// `false` when the piece is cut off, or there is no memory.
    func importAll(_ piece: Bytes) -> Bool {
        let bytes = piece.raw
        if !hasVersion {
            guard bytes.count == 8 else { return false }
            let highest = number(bytes, 0, 8) & ~UInt64(Self.shardCount - 1)
            // Etags that the old generation gave don't come back.
            for index in 0..<Self.shardCount { shards[index].raise(to: highest &+ UInt64(Self.shardCount + index)) }
            hasVersion = true
            return true
        }
        var at = 0
        while at < bytes.count {
            guard bytes.count - at >= Self.head else { return false }
            let keySize = Int(number(bytes, at, 4)), valueSize = number(bytes, at + 4, 8)
            let expires = Int64(bitPattern: number(bytes, at + 12, 8))
            guard valueSize <= UInt64(bytes.count), bytes.count - at - Self.head >= keySize,
                bytes.count - at - Self.head - keySize >= Int(valueSize)
            else { return false }
            let base = bytes.baseAddress! + at + Self.head
            let key = Str(base, keySize)
            guard
                let node = Node.make(
                    hash: hash(key), key: key, value: Bytes(base + keySize, Int(valueSize)), expires: expires, version: 0)
            else { return false }
            memory_node_set_etag(node, bytes.baseAddress! + at + 20)
            guard insert(node) else { return false }
            at += Self.head + keySize + Int(valueSize)
        }
        return true
    }

    private func insert(_ node: UnsafeMutablePointer<Node>) -> Bool {
        let shard = shards + shardIndex(node.pointee.hash)
        acquire(shard)
        defer { release(shard) }
        var replaced: UnsafeMutablePointer<Node>?
        guard shard.pointee.put(node, replaced: &replaced) else {
            node.release()
            return false
        }
        account(node.cost - (replaced?.cost ?? 0))
        replaced?.release()
        return true
    }

    private func append(_ number: UInt64, _ count: Int, to piece: inout [UInt8]) {
        for index in 0..<count { piece.append(UInt8(truncatingIfNeeded: number >> (8 * UInt64(index)))) }
    }

    private func number(_ bytes: UnsafeRawBufferPointer, _ at: Int, _ count: Int) -> UInt64 {
        var number: UInt64 = 0
        for index in 0..<count { number |= UInt64(bytes[at + index]) << (8 * UInt64(index)) }
        return number
    }
}
