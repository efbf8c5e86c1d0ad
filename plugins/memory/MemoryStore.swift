import MemoryPluginNative
import PluginKit

/// `state.in-memory`: called from several event loops at once. Keys are spread over 64 shards, each with
/// a lock that is held for a look-up and never while a call is completed.
final class MemoryStore: StateHolder {
    static let offered =
        OCTAVO_STATE_ETAG | OCTAVO_STATE_TTL | OCTAVO_STATE_BULK | OCTAVO_STATE_TRANSACTION | OCTAVO_STATE_KEYS_LIKE
        | OCTAVO_STATE_REMOVE_PREFIX
    static let shardCount = 64

    let shards: UnsafeMutablePointer<Shard>
    let hash = KeyHash()
    /// Bytes of all nodes; changed by atomic addition.
    private let used: UnsafeMutablePointer<Int64>
    private let limit: Int64
    /// The first piece of a hand-over has come.
    var hasVersion = false

    init(_ config: Config, _ instance: Instance) {
        limit = config.integer("maxBytes") ?? 0
        shards = .allocate(capacity: Self.shardCount)
        // An etag of an earlier life of the store must not fit a value of this one.
        let first = Host.random() & 0x0000_FFFF_FFFF_0000
        for index in 0..<Self.shardCount { (shards + index).initialize(to: Shard(version: first + UInt64(index))) }
        used = .allocate(capacity: 1)
        used.initialize(to: 0)
        super.init(instance, Features(Self.offered))
    }

    deinit {
        for index in 0..<Self.shardCount { shards[index].destroy() }
        shards.deallocate()
        used.deallocate()
    }

    @inline(__always)
    func shardIndex(_ hash: UInt64) -> Int { Int(truncatingIfNeeded: hash) & (Self.shardCount - 1) }

    @inline(__always)
    func acquire(_ shard: UnsafeMutablePointer<Shard>) { plugin_kit_acquire(lock(shard)) }
    @inline(__always)
    func release(_ shard: UnsafeMutablePointer<Shard>) { plugin_kit_release(lock(shard)) }

    /// The lock is the first member of a shard.
    @inline(__always)
    private func lock(_ shard: UnsafeMutablePointer<Shard>) -> UnsafeMutablePointer<plugin_kit_lock> {
        UnsafeMutableRawPointer(shard).assumingMemoryBound(to: plugin_kit_lock.self)
    }

    /// Counts bytes in (or out, when negative).
    func account(_ bytes: Int64) {
        if bytes != 0 { _ = plugin_kit_add(used, bytes) }
    }

    func checkRoom(for key: Str, _ value: Bytes) throws(PluginError) {
        guard limit > 0, plugin_kit_load(used) + Node.cost(key.count, value.count) > limit else { return }
        throw PluginError(
            OCTAVO_CODE_RESOURCE_EXHAUSTED,
            "The in-memory store is full: maxBytes is \(limit). Remove keys, let them expire, or raise maxBytes.")
    }

    /// The live node of a key, retained; the caller releases it.
    @inline(__always)
    func retained(_ key: Str) -> UnsafeMutablePointer<Node>? {
        let hash = hash(key)
        let shard = shards + shardIndex(hash)
        acquire(shard)
        defer { release(shard) }
        guard let node = shard.pointee.find(hash, key) else { return nil }
        if node.pointee.expires != 0, node.isExpired(at: plugin_kit_wall()) { return nil }
        node.retain()
        return node
    }

    override func exportState(_ sink: (Bytes) -> Bool) { exportAll(sink) }
    override func importState(_ piece: Bytes) -> Bool { importAll(piece) }

    override func get(_ request: UnsafePointer<octavo_state_get_request>, _ reply: GetReply) throws(PluginError) {
        guard let node = retained(request.pointee.key) else { return reply.missing() }
        if node.pointee.expires == 0 {
            reply.found(value: node.value, etag: node.etag)
        } else {
            reply.found(value: node.value, etag: node.etag, expires: node.pointee.expires / 1_000_000_000)
        }
        node.release()
    }

    override func set(_ request: UnsafePointer<octavo_state_write_request>, _ reply: WriteReply) throws(PluginError) {
        let node = try write(request.write)
        reply.written(etag: node?.etag ?? .absent)
        node?.release()
    }

    override func remove(_ request: UnsafePointer<octavo_state_write_request>, _ reply: WriteReply) throws(PluginError) {
        _ = try write(request.write, OCTAVO_STATE_REMOVE)
        reply.done()
    }

    override func bulkGet(_ request: UnsafePointer<octavo_state_bulk_get_request>, _ reply: BulkGetReply) throws(PluginError) {
        let keys = request.pointee.keys
        let count = Int(keys.count)
        var nodes = [UnsafeMutablePointer<Node>?](repeating: nil, count: count)
        var items = [octavo_state_item](repeating: octavo_state_item(), count: count)
        var expiries = Expiries()
        for index in 0..<count {
            let key = keys.at(index, as: octavo_state_key.self).pointee.key
            items[index].key = key
            guard let node = retained(key) else { continue }
            nodes[index] = node
            items[index].value = node.value
            items[index].etag = node.etag
            items[index].flags = OCTAVO_STATE_FOUND
            if node.pointee.expires != 0 { expiries.add(index, node.pointee.expires / 1_000_000_000) }
        }
        expiries.attach(to: &items)
        items.withUnsafeBufferPointer { reply.items($0) }
        for node in nodes { node?.release() }
    }

    override func bulkSet(_ request: UnsafePointer<octavo_state_writes_request>, _ reply: BulkWriteReply) throws(PluginError) {
        bulk(request, nil, reply)
    }

    override func bulkRemove(_ request: UnsafePointer<octavo_state_writes_request>, _ reply: BulkWriteReply) throws(PluginError) {
        bulk(request, OCTAVO_STATE_REMOVE, reply)
    }

    override func transact(_ request: UnsafePointer<octavo_state_writes_request>, _ reply: EmptyReply) throws(PluginError) {
        try commit(request.pointee.writes)
        reply.done()
    }

    override func keys(_ request: UnsafePointer<octavo_state_keys_request>, _ reply: KeysReply) throws(PluginError) {
        try page(request, reply)
    }

    override func removePrefix(_ request: UnsafePointer<octavo_state_prefix_request>, _ reply: CountReply) throws(PluginError) {
        reply.count(removeAll(request.pointee.prefix))
    }

    private func bulk(_ request: UnsafePointer<octavo_state_writes_request>, _ operation: Int32?, _ reply: BulkWriteReply) {
        let writes = request.pointee.writes
        let results = WriteResults(capacity: Int(writes.count))
        var nodes: [UnsafeMutablePointer<Node>] = []
        for index in 0..<Int(writes.count) {
            let item = writes.at(index, as: octavo_state_write.self)
            do throws(PluginError) {
                let node = try write(item, operation ?? item.pointee.operation)
                results.add(item.pointee.key, etag: node?.etag ?? .absent)
                if let node { nodes.append(node) }
            } catch {
                results.add(item.pointee.key, error: error)
            }
        }
        results.send(reply)
        for node in nodes { node.release() }
    }
}
