/// Where the instances of apps are. `resolve` is what an author must write; `advertise` and `withdraw` go with the feature
/// `OCTAVO_NAMES_ADVERTISE`. Requests stay readable until their call has ended.
open class NameResolver: Component {
    open func resolve(_ request: UnsafePointer<octavo_names_resolve_request>, _ reply: NamesReply) throws(PluginError) { throw missing }
    /// What is advertised stays so, renewed by the resolver itself, until it is withdrawn or the resolver stops.
    open func advertise(_ request: UnsafePointer<octavo_names_advertise_request>, _ call: Call) throws(PluginError) { throw missing }
    open func withdraw(_ request: UnsafePointer<octavo_names_advertise_request>, _ call: Call) throws(PluginError) { throw missing }

    private var missing: PluginError { .unimplemented("This name resolver does not offer the operation.") }
}

public struct NamesReply {
    public let call: Call
    public init(_ call: Call) { self.call = call }

    /// The addresses, whose texts must stay during this call; none is answered as NOT_FOUND.
    public func answer(_ addresses: UnsafeBufferPointer<octavo_names_address>) {
        guard !addresses.isEmpty else {
            return call.fail(PluginError(OCTAVO_CODE_NOT_FOUND, "No instance of the app is known."))
        }
        var reply = octavo_names_resolve_reply()
        reply.size = UInt32(MemoryLayout<octavo_names_resolve_reply>.size)
        reply.addresses = octavo_list(addresses)
        call.complete(&reply)
    }
}

extension NamesReply {
    /// The same, of addresses that the plugin holds. `lifetime`: how long they may be used without asking again, in nanoseconds; 0 = not known.
    public func answer(_ addresses: [NameAddress], lifetime: Int64 = 0) {
        var bytes: [UInt8] = []
        for address in addresses { bytes += address.host }
        bytes.withUnsafeBytes { memory in
            var list: [octavo_names_address] = [], at = 0
            for address in addresses {
                var one = octavo_names_address()
                one.host = Str(UnsafeRawBufferPointer(rebasing: memory[at..<at + address.host.count]))
                one.port = UInt32(address.port)
                one.lifetime_ns = lifetime
                list.append(one)
                at += address.host.count
            }
            list.withUnsafeBufferPointer { answer($0) }
        }
    }
}

func buildNamesTable() -> UnsafePointer<octavo_names_ops> {
    let ops = Static.room(for: octavo_names_ops.self, 1)
    ops.pointee.size = UInt32(MemoryLayout<octavo_names_ops>.size)
    ops.pointee.resolve = { pointer, call, request in
        with(pointer, as: NameResolver.self, call) { (it, call) throws(PluginError) in try it.resolve(request, NamesReply(call)) }
    }
    ops.pointee.advertise = { pointer, call, request in
        with(pointer, as: NameResolver.self, call) { (it, call) throws(PluginError) in try it.advertise(request, call) }
    }
    ops.pointee.withdraw = { pointer, call, request in
        with(pointer, as: NameResolver.self, call) { (it, call) throws(PluginError) in try it.withdraw(request, call) }
    }
    return UnsafePointer(ops)
}
