import COctavo
import COctavoHost
import COctavoRing
import PluginCheck

/// A state store under test, in the terms of a test.
typealias Store = StateCalls

extension StateCalls {
    init(instance: Instance) { self.init(instance as any PluginCaller) }

    /// The instance, for what is not an operation. Every store of these tests has one.
    var direct: Instance { instance as! Instance }
}

extension Instance: PluginCaller {
    var features: UInt64 { type.pointee.features }

    func submit(
        _ op: Int32, _ request: UnsafeRawPointer, _ take: @escaping @Sendable (UnsafeRawPointer?) -> Void
    ) -> () throws -> Void {
        let info = octavo_kind_at(type.pointee.kind)!.pointee.ops + Int(op)
        let size = octavo_flat_size(info.pointee.request, request)
        let slot = octavo_calls_open(calls, size)!
        let used = octavo_flatten(info.pointee.request, request, slot.pointee.frame, size, 0)
        precondition(used == size)
        let waiter = Waiter(take)
        slot.pointee.waiter = Unmanaged.passRetained(waiter).toOpaque()
        slot.pointee.instance = raw
        slot.pointee.info = UnsafePointer(info)
        slot.pointee.function = octavo_op_at(type.pointee.ops, UInt32(op))
        let failed = octavo_instance_submit(raw, slot)
        precondition(failed == 0, "the queue of the instance is full")
        return {
            waiter.wait()
            if let failure = waiter.failure { throw failure }
        }
    }
}
