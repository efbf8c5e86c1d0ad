/// A store of configuration. `get` is what an author must write; `set` and `remove` go with the feature
/// `OCTAVO_CONFIGURATION_WRITE`, `watch` and `unwatch` with `OCTAVO_CONFIGURATION_WATCH`. Requests stay readable until
/// their call has ended.
open class ConfigurationStore: Component {
    open func get(_ request: UnsafePointer<octavo_configuration_keys_request>, _ reply: ItemsReply) throws(PluginError) { throw missing }
    open func set(_ request: UnsafePointer<octavo_configuration_set_request>, _ reply: EmptyReply) throws(PluginError) { throw missing }
    open func remove(_ request: UnsafePointer<octavo_configuration_keys_request>, _ reply: EmptyReply) throws(PluginError) { throw missing }
    /// Once the call is done, every change of the keys is delivered to the request's source, until `unwatch`.
    open func watch(_ request: UnsafePointer<octavo_configuration_watch_request>, _ reply: EmptyReply) throws(PluginError) { throw missing }
    /// Nothing is delivered to the source any more. One that is not known is no error.
    open func unwatch(_ source: Source, _ reply: EmptyReply) throws(PluginError) { throw missing }

    private var missing: PluginError { .unimplemented("This configuration store does not offer the operation.") }
}

public struct ItemsReply {
    public let call: Call
    public init(_ call: Call) { self.call = call }

    /// The items that exist.
    public func items(_ items: UnsafeBufferPointer<octavo_configuration_item>) {
        var reply = octavo_configuration_get_reply(
            size: UInt32(MemoryLayout<octavo_configuration_get_reply>.size), flags: 0, items: octavo_list(items))
        call.complete(&reply)
    }
}

extension Source {
    /// Delivers a change of configuration. An item without a value was removed. `isPresent`: these are all the items
    /// that there are, as asked for with `OCTAVO_CONFIGURATION_SEND_PRESENT`.
    @discardableResult
    public func deliver(_ items: UnsafeBufferPointer<octavo_configuration_item>, isPresent: Bool = false) -> Bool {
        var change = octavo_configuration_change(
            size: UInt32(MemoryLayout<octavo_configuration_change>.size),
            flags: isPresent ? OCTAVO_CONFIGURATION_PRESENT : 0, items: octavo_list(items))
        return deliver(&change)
    }
}

func buildConfigurationTable() -> UnsafePointer<octavo_configuration_ops> {
    let ops = Static.room(for: octavo_configuration_ops.self, 1)
    ops.pointee.size = UInt32(MemoryLayout<octavo_configuration_ops>.size)
    ops.pointee.get = { pointer, call, request in
        with(pointer, as: ConfigurationStore.self, call) { (store, call) throws(PluginError) in try store.get(request, ItemsReply(call)) }
    }
    ops.pointee.set = { pointer, call, request in
        with(pointer, as: ConfigurationStore.self, call) { (store, call) throws(PluginError) in try store.set(request, EmptyReply(call)) }
    }
    ops.pointee.remove = { pointer, call, request in
        with(pointer, as: ConfigurationStore.self, call) { (store, call) throws(PluginError) in
            try store.remove(request, EmptyReply(call))
        }
    }
    ops.pointee.watch = { pointer, call, request in
        with(pointer, as: ConfigurationStore.self, call) { (store, call) throws(PluginError) in try store.watch(request, EmptyReply(call)) }
    }
    ops.pointee.unwatch = { pointer, call, request in
        with(pointer, as: ConfigurationStore.self, call) { (store, call) throws(PluginError) in
            try store.unwatch(Source(request.pointee.source), EmptyReply(call))
        }
    }
    return UnsafePointer(ops)
}
