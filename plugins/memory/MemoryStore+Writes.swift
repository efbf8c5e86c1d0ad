import MemoryPluginNative
import PluginKit

extension MemoryStore {
    /// One write under its shard's lock. The new node, retained, or `nil` after a removal.
    func write(
        _ item: UnsafePointer<octavo_state_write>, _ operation: Int32 = OCTAVO_STATE_SET
    ) throws(PluginError) -> UnsafeMutablePointer<Node>? {
        if operation == OCTAVO_STATE_SET { try checkRoom(for: item.pointee.key, item.pointee.value) }
        let hash = hash(item.pointee.key)
        let shard = shards + shardIndex(hash)
        let now = plugin_kit_wall()
        acquire(shard)
        defer { release(shard) }
        account(-shard.pointee.sweep(at: now))
        var old: UnsafeMutablePointer<Node>?
        let node = try apply(item, operation, hash, shard, now, &old)
        if let old {
            account(-old.cost)
            old.release()
        }
        if let node {
            account(node.cost)
            node.retain()
        }
        return node
    }

    /// Checks and does one write; the lock is held. The node now in the table, and through `old` the one
    /// that was there, which the caller releases.
    private func apply(
        _ item: UnsafePointer<octavo_state_write>, _ operation: Int32, _ hash: UInt64, _ shard: UnsafeMutablePointer<Shard>,
        _ now: Int64, _ old: inout UnsafeMutablePointer<Node>?
    ) throws(PluginError) -> UnsafeMutablePointer<Node>? {
        let key = item.pointee.key, etag = item.pointee.etag
        let present = shard.pointee.find(hash, key)
        let live = present.map { !$0.isExpired(at: now) } ?? false
        if etag.isPresent {
            guard live, present!.etag.equals(etag) else { throw .etagMismatch }
        } else if operation == OCTAVO_STATE_SET, live, item.pointee.concurrency == OCTAVO_CONCURRENCY_FIRST_WRITE {
            throw .keyExists
        }
        if operation == OCTAVO_STATE_REMOVE {
            old = shard.pointee.take(hash, key)
            return nil
        }
        let ttl = item.pointee.ttl_ns
        let (end, overflow) = now.addingReportingOverflow(ttl)
        guard
            let node = Node.make(
                hash: hash, key: key, value: item.pointee.value, expires: ttl > 0 ? (overflow ? Int64.max : end) : 0,
                version: shard.pointee.nextVersion())
        else { throw noMemory }
        guard shard.pointee.put(node, replaced: &old) else {
            node.release()
            throw noMemory
        }
        return node
    }

    private var noMemory: PluginError {
        PluginError(OCTAVO_CODE_RESOURCE_EXHAUSTED, "There is no memory left for the value.")
    }

    /// All writes or none: the shards that are touched stay locked, in ascending order, from the first
    /// check to the last write, and what was done is taken back when one fails.
    func commit(_ writes: octavo_list) throws(PluginError) {
        let count = Int(writes.count)
        var touched: UInt64 = 0
        var hashes = [UInt64](repeating: 0, count: count)
        for index in 0..<count {
            let item = writes.at(index, as: octavo_state_write.self)
            hashes[index] = hash(item.pointee.key)
            touched |= 1 << UInt64(shardIndex(hashes[index]))
        }
        let now = plugin_kit_wall()
        for index in 0..<Self.shardCount where touched & (1 << UInt64(index)) != 0 { acquire(shards + index) }

        var olds = [UnsafeMutablePointer<Node>?](repeating: nil, count: count)
        var failure: PluginError?
        var done = 0
        while done < count {
            let item = writes.at(done, as: octavo_state_write.self)
            let shard = shards + shardIndex(hashes[done])
            do throws(PluginError) {
                if item.pointee.operation == OCTAVO_STATE_SET { try checkRoom(for: item.pointee.key, item.pointee.value) }
                let node = try apply(item, item.pointee.operation, hashes[done], shard, now, &olds[done])
                account((node?.cost ?? 0) - (olds[done]?.cost ?? 0))
            } catch {
                failure = error
                failure!.index = done
                break
            }
            done += 1
        }
        if failure != nil {
            while done > 0 {
                done -= 1
                undo(writes.at(done, as: octavo_state_write.self).pointee.key, hashes[done], olds[done])
                olds[done] = nil
            }
        }
        for index in 0..<Self.shardCount where touched & (1 << UInt64(index)) != 0 {
            account(-shards[index].sweep(at: now))
            release(shards + index)
        }
        for old in olds { old?.release() }
        if let failure { throw failure }
    }

    /// Puts back what a write of a transaction had replaced.
    private func undo(_ key: Str, _ hash: UInt64, _ old: UnsafeMutablePointer<Node>?) {
        let shard = shards + shardIndex(hash)
        var written: UnsafeMutablePointer<Node>?
        if let old {
            // A slot for it exists: it was there, and nothing else came in under the lock but what is being
            // taken back.
            _ = shard.pointee.put(old, replaced: &written)
        } else {
            written = shard.pointee.take(hash, key)
        }
        account((old?.cost ?? 0) - (written?.cost ?? 0))
        written?.release()
    }
}
