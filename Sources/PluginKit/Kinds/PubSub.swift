/// A pub/sub component. Requests stay readable until their call has ended; those of `credit` and `settle`, which have no
/// call, until the function returns.
open class PubSub: Component {
    /// Ends when the broker has taken the message over.
    open func publish(_ request: UnsafePointer<octavo_pubsub_publish_request>, _ reply: PublishReply) throws(PluginError) { throw missing }
    open func bulkPublish(_ request: UnsafePointer<octavo_pubsub_bulk_publish_request>, _ reply: BulkPublishReply) throws(PluginError) { throw missing }
    /// Opens a source; ends when the subscription stands. Nothing is delivered before credit.
    open func subscribe(_ request: UnsafePointer<octavo_pubsub_subscribe_request>, _ reply: EmptyReply) throws(PluginError) { throw missing }
    /// Ends a source: nothing more is delivered once the call has ended, and what is unsettled waits again.
    open func unsubscribe(_ source: Source, _ reply: EmptyReply) throws(PluginError) { throw missing }
    /// So many more messages may be delivered; 0: none until the next credit.
    open func credit(_ source: Source, _ messages: Int) {}
    /// What became of a message; once for each token.
    open func settle(_ request: UnsafePointer<octavo_settle_request>) {}

    private var missing: PluginError { .unimplemented("This pub/sub component does not offer the operation.") }
}

extension Source {
    public enum Delivered {
        case done
        /// The source is being paused: it comes with the next credit.
        case noCredit
        /// The source has ended, or the message can't be taken.
        case ended
    }

    /// Hands a message over; what it points at is copied. `token`: the plugin's own name for it. Any thread.
    public func deliver(_ token: UInt64, _ message: inout octavo_pubsub_message) -> Delivered {
        message.size = UInt32(MemoryLayout<octavo_pubsub_message>.size)
        return delivered(token, &message)
    }

    func delivered(_ token: UInt64, _ message: UnsafeRawPointer) -> Delivered {
        switch table.pointee.deliver(id, token, message) {
        case OCTAVO_OK: return .done
        case OCTAVO_NO_CREDIT: return .noCredit
        default: return .ended
        }
    }
}

public struct PublishReply {
    public let call: Call
    public init(_ call: Call) { self.call = call }

    /// The broker's name for the message; absent when it has none.
    public func published(_ id: Str = .absent) {
        var reply = octavo_pubsub_publish_reply(
            size: UInt32(MemoryLayout<octavo_pubsub_publish_reply>.size), flags: 0, message_id: id)
        call.complete(&reply)
    }
}

public struct BulkPublishReply {
    public let call: Call
    public init(_ call: Call) { self.call = call }

    /// One result for each entry, in their order.
    public func results(_ results: UnsafeBufferPointer<octavo_pubsub_entry_result>) {
        var reply = octavo_pubsub_bulk_publish_reply(
            size: UInt32(MemoryLayout<octavo_pubsub_bulk_publish_reply>.size), flags: 0, results: octavo_list(results))
        call.complete(&reply)
    }
}

func buildPubSubTable() -> UnsafePointer<octavo_pubsub_ops> {
    let ops = Static.room(for: octavo_pubsub_ops.self, 1)
    ops.pointee.size = UInt32(MemoryLayout<octavo_pubsub_ops>.size)
    ops.pointee.publish = { pointer, call, request in
        with(pointer, as: PubSub.self, call) { (it, call) throws(PluginError) in try it.publish(request, PublishReply(call)) }
    }
    ops.pointee.bulk_publish = { pointer, call, request in
        with(pointer, as: PubSub.self, call) { (it, call) throws(PluginError) in try it.bulkPublish(request, BulkPublishReply(call)) }
    }
    ops.pointee.subscribe = { pointer, call, request in
        with(pointer, as: PubSub.self, call) { (it, call) throws(PluginError) in try it.subscribe(request, EmptyReply(call)) }
    }
    ops.pointee.unsubscribe = { pointer, call, request in
        with(pointer, as: PubSub.self, call) { (it, call) throws(PluginError) in
            try it.unsubscribe(Source(request.pointee.source), EmptyReply(call))
        }
    }
    ops.pointee.credit = { pointer, _, request in
        with(pointer, as: PubSub.self, 0) { (it, _) throws(PluginError) in
            it.credit(Source(request.pointee.source), Int(request.pointee.messages))
        }
    }
    ops.pointee.settle = { pointer, _, request in
        with(pointer, as: PubSub.self, 0) { (it, _) throws(PluginError) in it.settle(request) }
    }
    return UnsafePointer(ops)
}
