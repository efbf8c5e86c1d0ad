/// A secret store. `watch` and `unwatch` go with the feature `OCTAVO_SECRET_ROTATION`. Requests stay readable until their call has
/// ended.
open class SecretStore: Component {
    open func get(_ request: UnsafePointer<octavo_secret_get_request>, _ reply: SecretReply) throws(PluginError) {
        throw .unimplemented("This secret store does not offer the operation.")
    }
    open func bulkGet(_ request: UnsafePointer<octavo_secret_bulk_get_request>, _ reply: SecretsReply) throws(PluginError) {
        throw .unimplemented("This secret store does not offer the operation.")
    }
    /// Once the call is done, every change of the named secrets is delivered to the request's source, until `unwatch`.
    open func watch(_ request: UnsafePointer<octavo_secret_watch_request>, _ reply: EmptyReply) throws(PluginError) {
        throw .unimplemented("This secret store does not offer the operation.")
    }
    /// Nothing is delivered to the source any more. One that is not known is no error.
    open func unwatch(_ source: Source, _ reply: EmptyReply) throws(PluginError) {
        throw .unimplemented("This secret store does not offer the operation.")
    }
}

public struct SecretReply {
    public let call: Call
    public init(_ call: Call) { self.call = call }

    /// The pairs of the secret.
    public func pairs(_ pairs: UnsafeBufferPointer<octavo_pair>) {
        var reply = octavo_secret_get_reply(
            size: UInt32(MemoryLayout<octavo_secret_get_reply>.size), flags: 0, pairs: octavo_list(pairs))
        call.complete(&reply)
    }
}

public struct SecretsReply {
    public let call: Call
    public init(_ call: Call) { self.call = call }

    public func secrets(_ secrets: UnsafeBufferPointer<octavo_secret>) {
        var reply = octavo_secret_bulk_get_reply(
            size: UInt32(MemoryLayout<octavo_secret_bulk_get_reply>.size), flags: 0, secrets: octavo_list(secrets))
        call.complete(&reply)
    }
}

func buildSecretTable() -> UnsafePointer<octavo_secret_store_ops> {
    let ops = Static.room(for: octavo_secret_store_ops.self, 1)
    ops.pointee.size = UInt32(MemoryLayout<octavo_secret_store_ops>.size)
    ops.pointee.get = { pointer, call, request in
        with(pointer, as: SecretStore.self, call) { (store, call) throws(PluginError) in
            try store.get(request, SecretReply(call))
        }
    }
    ops.pointee.bulk_get = { pointer, call, request in
        with(pointer, as: SecretStore.self, call) { (store, call) throws(PluginError) in
            try store.bulkGet(request, SecretsReply(call))
        }
    }
    ops.pointee.watch = { pointer, call, request in
        with(pointer, as: SecretStore.self, call) { (store, call) throws(PluginError) in try store.watch(request, EmptyReply(call)) }
    }
    ops.pointee.unwatch = { pointer, call, request in
        with(pointer, as: SecretStore.self, call) { (store, call) throws(PluginError) in
            try store.unwatch(Source(request.pointee.source), EmptyReply(call))
        }
    }
    return UnsafePointer(ops)
}
