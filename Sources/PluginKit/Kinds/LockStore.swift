/// A store of locks. `tryLock` and `unlock` are what an author must write; `extend` goes with the feature
/// `OCTAVO_LOCK_EXTEND`. Requests stay readable until their call has ended.
open class LockStore: Component {
    /// Never waits: `.held` when anybody has it, the asking owner included.
    open func tryLock(_ request: UnsafePointer<octavo_lock_request>, _ reply: LockReply) throws(PluginError) { throw missing }
    open func unlock(_ request: UnsafePointer<octavo_lock_request>, _ reply: LockReply) throws(PluginError) { throw missing }
    /// The expiry, counted from now.
    open func extend(_ request: UnsafePointer<octavo_lock_request>, _ reply: LockReply) throws(PluginError) { throw missing }

    private var missing: PluginError { .unimplemented("This lock store does not offer the operation.") }
}

public struct LockReply {
    public let call: Call
    public init(_ call: Call) { self.call = call }

    public enum Result: Int32 {
        /// Locked, unlocked, extended.
        case ok = 0
        /// Somebody has it.
        case held = 1
        /// Nobody has it.
        case notFound = 2
        /// It belongs to another owner.
        case otherOwner = 3
    }

    /// `fencing` grows with every owner of the resource; 0 when the store knows none.
    public func answer(_ result: Result, fencing: UInt64 = 0) {
        var reply = octavo_lock_reply(
            size: UInt32(MemoryLayout<octavo_lock_reply>.size), result: result.rawValue, fencing: fencing)
        call.complete(&reply)
    }
}

func buildLockTable() -> UnsafePointer<octavo_lock_ops> {
    let ops = Static.room(for: octavo_lock_ops.self, 1)
    ops.pointee.size = UInt32(MemoryLayout<octavo_lock_ops>.size)
    ops.pointee.try_lock = { pointer, call, request in
        with(pointer, as: LockStore.self, call) { (store, call) throws(PluginError) in try store.tryLock(request, LockReply(call)) }
    }
    ops.pointee.unlock = { pointer, call, request in
        with(pointer, as: LockStore.self, call) { (store, call) throws(PluginError) in try store.unlock(request, LockReply(call)) }
    }
    ops.pointee.extend = { pointer, call, request in
        with(pointer, as: LockStore.self, call) { (store, call) throws(PluginError) in try store.extend(request, LockReply(call)) }
    }
    return UnsafePointer(ops)
}
