/// A state store. Requests stay readable until their call has ended.
open class StateStore: Component {
    open func get(_ request: UnsafePointer<octavo_state_get_request>, _ reply: GetReply) throws(PluginError) { throw missing }
    open func set(_ request: UnsafePointer<octavo_state_write_request>, _ reply: WriteReply) throws(PluginError) { throw missing }
    open func remove(_ request: UnsafePointer<octavo_state_write_request>, _ reply: WriteReply) throws(PluginError) { throw missing }
    open func bulkGet(_ request: UnsafePointer<octavo_state_bulk_get_request>, _ reply: BulkGetReply) throws(PluginError) { throw missing }
    open func bulkSet(_ request: UnsafePointer<octavo_state_writes_request>, _ reply: BulkWriteReply) throws(PluginError) { throw missing }
    open func bulkRemove(_ request: UnsafePointer<octavo_state_writes_request>, _ reply: BulkWriteReply) throws(PluginError) { throw missing }
    /// All writes in their order, or none; the error carries the position of the write that failed.
    open func transact(_ request: UnsafePointer<octavo_state_writes_request>, _ reply: EmptyReply) throws(PluginError) { throw missing }
    open func query(_ request: UnsafePointer<octavo_state_query_request>, _ reply: QueryReply) throws(PluginError) { throw missing }
    open func keys(_ request: UnsafePointer<octavo_state_keys_request>, _ reply: KeysReply) throws(PluginError) { throw missing }
    open func removePrefix(_ request: UnsafePointer<octavo_state_prefix_request>, _ reply: CountReply) throws(PluginError) { throw missing }

    private var missing: PluginError { .unimplemented("This state store does not offer the operation.") }
}

extension UnsafePointer<octavo_state_write_request> {
    /// The write inside the request, in place: it follows the head.
    @inline(__always)
    public var write: UnsafePointer<octavo_state_write> {
        (UnsafeRawPointer(self) + MemoryLayout<octavo_head>.size).assumingMemoryBound(to: octavo_state_write.self)
    }
}

func buildStateTable() -> UnsafePointer<octavo_state_ops> {
    let ops = Static.room(for: octavo_state_ops.self, 1)
    ops.pointee.size = UInt32(MemoryLayout<octavo_state_ops>.size)
    ops.pointee.get = { pointer, call, request in
        with(pointer, as: StateStore.self, call) { (store, call) throws(PluginError) in try store.get(request, GetReply(call)) }
    }
    ops.pointee.set = { pointer, call, request in
        with(pointer, as: StateStore.self, call) { (store, call) throws(PluginError) in try store.set(request, WriteReply(call)) }
    }
    ops.pointee.remove = { pointer, call, request in
        with(pointer, as: StateStore.self, call) { (store, call) throws(PluginError) in try store.remove(request, WriteReply(call)) }
    }
    ops.pointee.bulk_get = { pointer, call, request in
        with(pointer, as: StateStore.self, call) { (store, call) throws(PluginError) in try store.bulkGet(request, BulkGetReply(call)) }
    }
    ops.pointee.bulk_set = { pointer, call, request in
        with(pointer, as: StateStore.self, call) { (store, call) throws(PluginError) in try store.bulkSet(request, BulkWriteReply(call)) }
    }
    ops.pointee.bulk_remove = { pointer, call, request in
        with(pointer, as: StateStore.self, call) { (store, call) throws(PluginError) in
            try store.bulkRemove(request, BulkWriteReply(call))
        }
    }
    ops.pointee.transact = { pointer, call, request in
        with(pointer, as: StateStore.self, call) { (store, call) throws(PluginError) in try store.transact(request, EmptyReply(call)) }
    }
    ops.pointee.query = { pointer, call, request in
        with(pointer, as: StateStore.self, call) { (store, call) throws(PluginError) in try store.query(request, QueryReply(call)) }
    }
    ops.pointee.keys = { pointer, call, request in
        with(pointer, as: StateStore.self, call) { (store, call) throws(PluginError) in try store.keys(request, KeysReply(call)) }
    }
    ops.pointee.remove_prefix = { pointer, call, request in
        with(pointer, as: StateStore.self, call) { (store, call) throws(PluginError) in
            try store.removePrefix(request, CountReply(call))
        }
    }
    return UnsafePointer(ops)
}
