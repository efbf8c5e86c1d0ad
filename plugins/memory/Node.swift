import MemoryPluginNative
import PluginKit

typealias Node = memory_node

extension memory_node {
    static let head = MemoryLayout<memory_node>.stride

    /// What a key and its value cost, for `maxBytes`.
    static func cost(_ keySize: Int, _ valueSize: Int) -> Int64 { Int64(head + keySize + valueSize) }

    /// A node with one reference; `nil` when there is no memory.
    static func make(hash: UInt64, key: Str, value: Bytes, expires: Int64, version: UInt64) -> UnsafeMutablePointer<Node>? {
        guard key.size <= UInt64(UInt32.max), value.size < UInt64(Int.max / 2),
            let memory = malloc(head + key.count + value.count)
        else { return nil }
        let node = memory.bindMemory(to: Node.self, capacity: 1)
        node.pointee.hash = hash
        node.pointee.references = 1
        node.pointee.key_size = UInt32(truncatingIfNeeded: key.size)
        node.pointee.value_size = value.size
        node.pointee.expires = expires
        memory_node_stamp(node, version)
        if key.count > 0 { memcpy(memory + head, key.data!, key.count) }
        if value.count > 0 { memcpy(memory + head + key.count, value.data!, value.count) }
        return node
    }
}

extension UnsafeMutablePointer<memory_node> {
    @inline(__always)
    var key: Str { Str(UnsafeRawPointer(self) + Node.head, Int(pointee.key_size)) }
    @inline(__always)
    var value: Bytes { Bytes(UnsafeRawPointer(self) + Node.head + Int(pointee.key_size), Int(pointee.value_size)) }
    @inline(__always)
    var etag: Str { Str(memory_node_etag(self), 16) }
    var cost: Int64 { Node.cost(Int(pointee.key_size), Int(pointee.value_size)) }

    @inline(__always)
    func retain() { plugin_kit_retain(memory_node_references(self)) }

    @inline(__always)
    func release() {
        if plugin_kit_drop(memory_node_references(self)) != 0 { free(self) }
    }

    @inline(__always)
    func isExpired(at now: Int64) -> Bool { pointee.expires != 0 && pointee.expires <= now }
}
