import MemoryPluginNative
import PluginKit

/// A part of the keys: an open-addressing table under a lock of its own. Every function but the lock's
/// wants the lock held.
struct Shard {
    var lock = plugin_kit_lock(state: 0)
    /// Slots; a power of two, `nil` at first.
    private var nodes: UnsafeMutablePointer<UnsafeMutablePointer<Node>?>?
    private var capacity = 0
    private(set) var count = 0
    /// Keys that may expire; the sweep looks only when there are any.
    private var mortal = 0
    private var sweepAt = 0
    /// The last version given: an etag never comes back, nor is it given to two keys.
    private(set) var version: UInt64

    init(version: UInt64) { self.version = version }

    mutating func raise(to version: UInt64) { self.version = max(self.version, version) }

    mutating func nextVersion() -> UInt64 {
        version &+= UInt64(MemoryStore.shardCount)
        return version
    }

    /// The node of a key, expired or not.
    @inline(__always)
    func find(_ hash: UInt64, _ key: Str) -> UnsafeMutablePointer<Node>? {
        guard let nodes else { return nil }
        let mask = capacity - 1
        var slot = Int(truncatingIfNeeded: hash >> 8) & mask
        while let node = nodes[slot] {
            if node.pointee.hash == hash, node.key.equals(key) { return node }
            slot = (slot + 1) & mask
        }
        return nil
    }

    /// Puts `node` in the place of the key's present one, which is given back: the caller releases it.
    /// `false` when there is no memory, which can't happen for a key that is there.
    mutating func put(_ node: UnsafeMutablePointer<Node>, replaced: inout UnsafeMutablePointer<Node>?) -> Bool {
        replaced = nil
        var slot = 0
        if capacity > 0 {
            slot = self.slot(for: node)
            if let present = nodes![slot] {
                if present.pointee.expires != 0 { mortal -= 1 }
                if node.pointee.expires != 0 { mortal += 1 }
                nodes![slot] = node
                replaced = present
                return true
            }
        }
        if (count + 1) * 4 > capacity * 3 {
            guard grow() else { return false }
            slot = self.slot(for: node)
        }
        nodes![slot] = node
        count += 1
        if node.pointee.expires != 0 { mortal += 1 }
        return true
    }

    /// Where the node's key is, or the free slot where it would be.
    private func slot(for node: UnsafeMutablePointer<Node>) -> Int {
        let mask = capacity - 1
        var slot = Int(truncatingIfNeeded: node.pointee.hash >> 8) & mask
        while let present = nodes![slot] {
            if present.pointee.hash == node.pointee.hash, present.key.equals(node.key) { break }
            slot = (slot + 1) & mask
        }
        return slot
    }

    /// Takes a key out; its node, which the caller releases.
    mutating func take(_ hash: UInt64, _ key: Str) -> UnsafeMutablePointer<Node>? {
        guard let nodes else { return nil }
        let mask = capacity - 1
        var slot = Int(truncatingIfNeeded: hash >> 8) & mask
        while let node = nodes[slot] {
            if node.pointee.hash == hash, node.key.equals(key) {
                clear(slot)
                return node
            }
            slot = (slot + 1) & mask
        }
        return nil
    }

    /// Empties a slot and moves back what had been pushed on by it, so that no tombstones are needed.
    private mutating func clear(_ start: Int) {
        let nodes = nodes!, mask = capacity - 1
        if nodes[start]!.pointee.expires != 0 { mortal -= 1 }
        count -= 1
        var hole = start, slot = start
        while true {
            slot = (slot + 1) & mask
            guard let node = nodes[slot] else { break }
            let home = Int(truncatingIfNeeded: node.pointee.hash >> 8) & mask
            if (slot - home) & mask >= (slot - hole) & mask {
                nodes[hole] = node
                hole = slot
            }
        }
        nodes[hole] = nil
    }

    private mutating func grow() -> Bool {
        let bigger = capacity == 0 ? 16 : capacity * 2
        guard let memory = calloc(bigger, MemoryLayout<UnsafeMutablePointer<Node>?>.stride) else { return false }
        let fresh = memory.bindMemory(to: UnsafeMutablePointer<Node>?.self, capacity: bigger)
        for index in 0..<capacity {
            guard let node = nodes![index] else { continue }
            var slot = Int(truncatingIfNeeded: node.pointee.hash >> 8) & (bigger - 1)
            while fresh[slot] != nil { slot = (slot + 1) & (bigger - 1) }
            fresh[slot] = node
        }
        free(nodes)
        nodes = fresh
        capacity = bigger
        return true
    }

    /// Looks at eight slots with every write and takes out what has expired, so that the dead can't
    /// outgrow the living. Bytes that became free.
    mutating func sweep(at now: Int64) -> Int64 {
        guard mortal > 0, let nodes else { return 0 }
        var freed: Int64 = 0
        var looks = 8
        while looks > 0 {
            sweepAt = (sweepAt + 1) & (capacity - 1)
            if let node = nodes[sweepAt], node.isExpired(at: now) {
                freed += node.cost
                clear(sweepAt)
                node.release()
            }
            looks -= 1
        }
        return freed
    }

    /// Calls `body` for each node; it must not change the table.
    func forEach(_ body: (UnsafeMutablePointer<Node>) -> Void) {
        for index in 0..<capacity {
            if let node = nodes![index] { body(node) }
        }
    }

    mutating func destroy() {
        forEach { $0.release() }
        free(nodes)
        nodes = nil
    }
}
