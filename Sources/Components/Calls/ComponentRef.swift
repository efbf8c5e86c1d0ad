package import COctavo
import COctavoHost
import Governance

/// A component as one event loop sees it. Stays valid across reloads: the loop switches its target.
/// Used on that loop alone.
package final class ComponentRef {
    package let name: String
    package private(set) var type: String
    package private(set) var version: String
    package let kind: Int32
    /// Settings that the runtime itself reads (`keyPrefix`, …), by lower-case name.
    package private(set) var runtimeSettings: [String: String]

    let loop: CallLoop
    var target: Target?
    /// Of the instance that is the target: another object after each start, and after each reload.
    package private(set) var secrets: RuntimeSecrets?
    /// Why there is no target.
    var unavailable: CallError
    /// Called when a lazy component is asked for.
    var wanted: (() -> Void)?

    /// The policies of its calls; nil without any.
    var governor: Governor?
    /// A bit for each operation that they are for; 0: not asked for yet.
    private var governedOps: UInt64 = 0

    /// Kinds whose calls are an app's.
    var hasPolicies: Bool {
        switch kind {
        case OCTAVO_KIND_STATE, OCTAVO_KIND_PUBSUB, OCTAVO_KIND_BINDING, OCTAVO_KIND_SECRET_STORE, OCTAVO_KIND_CONFIGURATION,
            OCTAVO_KIND_LOCK, OCTAVO_KIND_CRYPTO, OCTAVO_KIND_CONVERSATION:
            true
        default: false
        }
    }

    /// Callers of a lazy component that wait for its start.
    private var waiting: [() -> Void] = []
    private static let waitingLimit = 4096

    /// Whether a caller should wait rather than fail: the component starts because it was asked for.
    package var startsOnDemand: Bool { target == nil && wanted != nil && waiting.count < Self.waitingLimit }

    /// Starts a lazy component and calls `body` once it is ready or has failed.
    package func whenSettled(_ body: @escaping () -> Void) {
        let activity = loop.tracer.current
        waiting.append(activity == nil ? body : { [loop] in loop.tracer.with(activity, body) })
        if waiting.count == 1 { wanted?() }
    }

    /// Those who wait for an instance.
    private var awaiting: [(ComponentRef) -> Void] = []

    /// Calls `body` once, as soon as there is an instance, and its features are known; now, if there is one. Starts nothing.
    package func whenReady(_ body: @escaping (ComponentRef) -> Void) {
        if target != nil, !isParked { body(self) } else { awaiting.append(body) }
    }

    // MARK: Replacing the instance

    /// While it is being replaced by one that can't run beside it, calls are kept. Of the target only what the
    /// plugin's code holds is there meanwhile: the operations, not the instance.
    private(set) var isParked = false
    private var parked = SlotQueue()

    /// Keeps calls from now on, until the next `settle`. Their deadlines go on.
    func beginParking() {
        isParked = true
        for source in sources { source.suspend() }
    }

    func park(_ slot: UnsafeMutablePointer<octavo_slot>) {
        slot.pointee.holder = Unmanaged.passUnretained(self).toOpaque()
        // The instance may be gone before the call ends.
        slot.pointee.instance = nil
        parked.append(slot)
        loop.track(slot)
    }

    private func unpark() {
        isParked = false
        var calls = parked
        parked = SlotQueue()
        while let slot = calls.popFirst() {
            slot.pointee.holder = nil
            guard octavo_slot_state(slot) == OCTAVO_SLOT_OPEN else {
                loop.drop(slot)
                continue
            }
            guard let target, let function = octavo_op_at(target.ops, slot.pointee.op) else {
                var error = unavailable
                error.component = name
                error.type = type
                loop.fail(slot, error)
                continue
            }
            slot.pointee.function = function
            slot.pointee.instance = target.raw
            loop.submit(slot, target.counters)
        }
    }

    /// The component has been given other settings, which hold from the next target on.
    func adopt(_ definition: ComponentDefinition) {
        type = definition.type
        version = definition.version
        runtimeSettings = definition.runtimeSettings
        // What a building block has made of the settings before.
        attachment = nil
    }

    func settle(target: Target?, secrets: RuntimeSecrets? = nil, unavailable: CallError?) {
        self.target = target
        self.secrets = secrets
        if let unavailable { self.unavailable = unavailable }
        if target != nil || unavailable != nil {
            wanted = nil
            let ready = waiting
            waiting = []
            for body in ready { body() }
        }
        if isParked { unpark() }
        if target != nil {
            let told = awaiting
            awaiting = []
            for body in told { body(self) }
        }
        for source in sources { target == nil ? source.suspend() : source.targetAppeared() }
    }

    /// What it delivers to us, here.
    var sources: [ComponentSource] = []

    /// Room for what a building block keeps of this component's settings on this loop (its key prefix, …); empty again
    /// when they have changed.
    package var attachment: AnyObject?

    /// How calls reach the instance. Plain pointers, so that a call retains nothing; the store keeps the
    /// instance until no loop has a target of it. Sendable: what it points at is constant, and the counters
    /// are those of one loop.
    struct Target: @unchecked Sendable {
        let raw: OpaquePointer
        let ops: UnsafeRawPointer
        let kind: UnsafePointer<octavo_kind>
        let features: UInt64
        let maxTransactionOps: UInt32
        let counters: UnsafeMutablePointer<octavo_instance_counters>
    }

    init(definition: ComponentDefinition, type: String, kind: Int32, loop: CallLoop) {
        self.name = definition.name
        self.type = type
        self.version = definition.version
        self.kind = kind
        self.loop = loop
        self.runtimeSettings = definition.runtimeSettings
        self.unavailable = CallError(
            code: OCTAVO_CODE_UNAVAILABLE, reason: "COMPONENT_STARTING", message: "the component is starting")
    }

    /// `OCTAVO_STATE_ETAG` and the like; 0 while there is no instance.
    package var features: UInt64 { target?.features ?? 0 }
    package var maxTransactionOps: UInt32 { target?.maxTransactionOps ?? 0 }
    package var isReady: Bool { target != nil }
    /// Whether the loop still knows it: false after its removal.
    package internal(set) var isInstalled = true

    /// Whether the instance has the operation and the feature that it needs.
    package func supports(_ op: Int32) -> Bool {
        guard let target, let info = Self.info(target, op) else { return false }
        let feature = info.pointee.feature
        return (feature == 0 || target.features & feature == feature) && octavo_op_at(target.ops, UInt32(op)) != nil
    }

    private static func info(_ target: Target, _ op: Int32) -> UnsafePointer<octavo_op>? {
        op >= 0 && UInt32(op) < target.kind.pointee.op_count ? target.kind.pointee.ops + Int(op) : nil
    }

    /// Reserves a call with room for the request structure and `bytes` of what it points at. When that
    /// is not possible the waiter has failed by the time this returns `nil`. `deadline`: CLOCK_MONOTONIC
    /// nanoseconds, 0 for none.
    package func open<Request>(
        _ op: Int32, _ request: Request.Type, bytes: Int, deadline: Int64,
        waiter: consuming CallWaiter
    ) -> RequestSlot<Request>? {
        if let target, let governor, isGoverned(op, target) {
            let call = GovernedCall(self, governor, waiter, deadline: deadline)
            var slot = open(op, request, bytes: bytes, deadline: deadline, on: target, waiter: call)
            slot?.governed = Unmanaged.passUnretained(call)
            return slot
        }
        return openFree(op, request, bytes: bytes, deadline: deadline, waiter: waiter)
    }

    /// The same by no policies: for what policies themselves need.
    package func openFree<Request>(
        _ op: Int32, _ request: Request.Type, bytes: Int, deadline: Int64, waiter: consuming CallWaiter
    ) -> RequestSlot<Request>? {
        guard let target else {
            var error = unavailable
            error.component = name
            error.type = type
            waiter.failed(error)
            return nil
        }
        return open(op, request, bytes: bytes, deadline: deadline, on: target, waiter: waiter)
    }

    /// Whether an operation is a call, and no part of what is delivered to us.
    private func isGoverned(_ op: Int32, _ target: Target) -> Bool {
        if governedOps == 0 {
            governedOps = 1 << 63
            for index in 0..<min(Int(target.kind.pointee.op_count), 63) {
                switch String(cString: target.kind.pointee.ops[index].name) {
                case "subscribe", "unsubscribe", "watch", "unwatch", "read", "close", "credit", "settle", "on_chunk", "on_writable": break
                default: governedOps |= 1 << UInt64(index)
                }
            }
        }
        return op < 63 && governedOps & 1 << UInt64(op) != 0
    }

    /// The same on an instance that need not be the present one.
    func open<Request>(
        _ op: Int32, _ request: Request.Type, bytes: Int, deadline: Int64, on target: Target, waiter: consuming CallWaiter
    ) -> RequestSlot<Request>? {
        guard let info = Self.info(target, op), let function = octavo_op_at(target.ops, UInt32(op)) else {
            waiter.failed(
                error(
                    OCTAVO_CODE_UNIMPLEMENTED, "NOT_SUPPORTED",
                    "this component does not offer the operation; use a component type that does", op))
            return nil
        }
        // While it is parked the instance may be gone, and its counters with it.
        guard isParked || target.counters.pointee.expired < loop.expiredLimit else {
            waiter.failed(
                error(
                    OCTAVO_CODE_UNAVAILABLE, "CALLS_NOT_COMPLETED",
                    "the plugin has not completed \(target.counters.pointee.expired) calls that the runtime has given "
                        + "up on, so it gets no new ones; reload the plugin or restart its backend", op))
            return nil
        }
        let size = MemoryLayout<Request>.size
        guard let slot = octavo_calls_open(loop.calls, UInt64(size + bytes)) else {
            waiter.failed(
                error(
                    OCTAVO_CODE_RESOURCE_EXHAUSTED, "TOO_MANY_CALLS",
                    "\(CallLoop.capacity) calls are in flight on this event loop; the component is too slow for "
                        + "this load", op))
            return nil
        }
        memset(slot.pointee.frame, 0, size)
        let head = UnsafeMutableRawPointer(slot.pointee.frame).assumingMemoryBound(to: octavo_head.self)
        head.pointee.size = UInt32(size)
        head.pointee.deadline_ns = deadline
        slot.pointee.op = UInt32(op)
        slot.pointee.info = info
        slot.pointee.function = function
        slot.pointee.deadline_ns = deadline
        slot.pointee.instance = target.raw
        waiter.trace = loop.tracer.callBegan()
        waiter.activity = waiter.trace?.activity
        slot.pointee.waiter = Unmanaged.passRetained(waiter).toOpaque()
        return RequestSlot(slot: slot, ref: Unmanaged.passUnretained(self), counters: target.counters, used: size)
    }

    func error(_ code: Int32, _ reason: String, _ message: String, _ op: Int32) -> CallError {
        var error = CallError(code: code, reason: reason, message: message)
        error.component = name
        error.type = type
        if let target, let info = Self.info(target, op) { error.operation = String(cString: info.pointee.name) }
        return error
    }
}
