/// A binding: operations on a system outside (output), events of it (input), or both. Requests stay readable until their
/// call has ended; those of `credit` and `settle`, which have no call, until the function returns.
open class Binding: Component {
    /// Carries out an operation; which there are is in the type's schema.
    open func invoke(_ request: UnsafePointer<octavo_binding_invoke_request>, _ reply: InvokeReply) throws(PluginError) { throw missing }
    /// Opens a source of events; ends when it stands. Nothing is delivered before credit.
    open func read(_ request: UnsafePointer<octavo_binding_read_request>, _ reply: EmptyReply) throws(PluginError) { throw missing }
    /// Ends a source: nothing more is delivered once the call has ended, and what is unsettled is delivered again to the next
    /// one, where the system outside knows how.
    open func close(_ source: Source, _ reply: EmptyReply) throws(PluginError) { throw missing }
    /// So many more events may be delivered; 0: none until the next credit.
    open func credit(_ source: Source, _ events: Int) {}
    /// What became of an event, once for each token; with the feature RESPONSE it has the app's answer.
    open func settle(_ request: UnsafePointer<octavo_settle_request>) {}

    private var missing: PluginError { .unimplemented("This binding does not offer the operation.") }
}

extension Binding {
    /// The error for an operation that the binding does not have. `names`: those that it has, as a text.
    public static func unknownOperation(_ operation: Str, _ names: StaticString) -> PluginError {
        if operation.isEmpty { return .invalid("No operation is named; this binding has \(Str(names).string).") }
        return .unimplemented("This binding has no operation \"\(operation.string)\"; it has \(Str(names).string).")
    }
}

extension Source {
    /// Hands an event over; what it points at is copied. `token`: the plugin's own name for it. Any thread.
    public func deliver(_ token: UInt64, _ event: inout octavo_binding_event) -> Delivered {
        event.size = UInt32(MemoryLayout<octavo_binding_event>.size)
        return delivered(token, &event)
    }
}

/// The answer to an operation of a binding.
public struct InvokeReply {
    public let call: Call
    public init(_ call: Call) { self.call = call }

    /// Done. What is given is copied before this returns; without data the app is told that there is none.
    public func done(_ data: Bytes = .absent, contentType: Str = .absent, metadata: [([UInt8], [UInt8])] = []) {
        PairList.with(metadata) { list in
            var reply = octavo_binding_invoke_reply(
                size: UInt32(MemoryLayout<octavo_binding_invoke_reply>.size), flags: 0, data: data, content_type: contentType,
                metadata: list)
            call.complete(&reply)
        }
    }
}

func buildBindingTable() -> UnsafePointer<octavo_binding_ops> {
    let ops = Static.room(for: octavo_binding_ops.self, 1)
    ops.pointee.size = UInt32(MemoryLayout<octavo_binding_ops>.size)
    ops.pointee.invoke = { pointer, call, request in
        with(pointer, as: Binding.self, call) { (it, call) throws(PluginError) in try it.invoke(request, InvokeReply(call)) }
    }
    ops.pointee.read = { pointer, call, request in
        with(pointer, as: Binding.self, call) { (it, call) throws(PluginError) in try it.read(request, EmptyReply(call)) }
    }
    ops.pointee.close = { pointer, call, request in
        with(pointer, as: Binding.self, call) { (it, call) throws(PluginError) in
            try it.close(Source(request.pointee.source), EmptyReply(call))
        }
    }
    ops.pointee.credit = { pointer, _, request in
        with(pointer, as: Binding.self, 0) { (it, _) throws(PluginError) in
            it.credit(Source(request.pointee.source), Int(request.pointee.messages))
        }
    }
    ops.pointee.settle = { pointer, _, request in
        with(pointer, as: Binding.self, 0) { (it, _) throws(PluginError) in it.settle(request) }
    }
    return UnsafePointer(ops)
}
