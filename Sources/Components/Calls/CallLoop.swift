import COctavo
import COctavoHost
import Glibc
package import Governance
package import Logging
package import NIOCore
package import Tracing

/// The part of the component layer that lives on one event loop: its calls under way and its view of
/// the components. Used on that loop alone.
package final class CallLoop {
    package let eventLoop: any EventLoop
    package let index: Int
    let calls: OpaquePointer
    /// Follows what requests make components do.
    package let tracer: LoopTracer
    /// Number of the call table, by which instances count.
    let table: UInt32

    private var components: [String: ComponentRef] = [:]
    private var last: (name: String, ref: ComponentRef)?
    private var openList = OCTAVO_CALLS_NONE_VALUE
    private var tick: Scheduled<Void>?
    private let logger: Logger

    /// How often calls are compared with their deadlines. A deadline is met this late at most.
    static let resolution = TimeAmount.milliseconds(10)
    /// An expired call that the plugin has not completed is reported after this long.
    static let lostAfterNanoseconds: Int64 = 30_000_000_000
    /// Calls in flight on one loop; more are refused.
    package static let capacity: UInt32 = 16_384
    /// An instance with so many calls that the runtime has given up on, and that it has not completed,
    /// gets no new ones. Counted by each loop for itself.
    package static let expiredLimit: UInt64 = 1000
    let expiredLimit: UInt64

    /// Whether an operation of an inline plugin is on the stack. Calls that are made meanwhile (by a
    /// waiter that it completed) wait until it has returned: the plugin may hold a lock.
    private var isInPlugin = false
    private var held = SlotQueue()

    /// On the event loop itself. Fails only when the process has no memory or 256 tables.
    package init?(
        eventLoop: any EventLoop, index: Int, logger: Logger, tracer: LoopTracer = LoopTracer(), expiredLimit: UInt64 = CallLoop.expiredLimit
    ) {
        eventLoop.assertInEventLoop()
        self.tracer = tracer
        self.eventLoop = eventLoop
        self.index = index
        self.logger = logger
        self.expiredLimit = expiredLimit
        let owner = UnsafeMutablePointer<CallLoopReference>.allocate(capacity: 1)
        guard
            let calls = octavo_calls_new(
                owner,
                { owner, slot, error, reply in
                    owner.assumingMemoryBound(to: CallLoopReference.self).pointee.loop
                        ._withUnsafeGuaranteedRef { $0.ended(slot, error, reply) }
                },
                { owner in
                    // The reference is written once, before any call, and never freed: late
                    // completions of other threads may still wake us.
                    owner.assumingMemoryBound(to: CallLoopReference.self).pointee.wake()
                }, CallLoop.capacity)
        else {
            owner.deallocate()
            return nil
        }
        self.calls = calls
        self.table = octavo_calls_index(calls)
        owner.initialize(to: CallLoopReference(loop: Unmanaged.passUnretained(self), eventLoop: eventLoop, calls: calls))
        octavo_calls_bind(calls)
    }

    /// Calls that are open, completed elsewhere, or expired and not yet completed.
    package var inUse: Int { Int(octavo_calls_in_use(calls)) }

    // MARK: Components

    private var installationObservers: [(ComponentRef) -> Void] = []

    /// The component of that name, `nil` when there is none on this loop.
    package func component(named name: String) -> ComponentRef? {
        if let last, last.name == name { return last.ref }
        guard let ref = components[name] else { return nil }
        last = (name, ref)
        return ref
    }

    package var allComponents: [ComponentRef] { components.values.sorted { $0.name < $1.name } }

    private var policies: PolicyBook?
    /// Nothing is begun any more.
    private(set) var isClosing = false

    /// Calls of components follow these policies, as they are now.
    package func govern(by policies: PolicyBook) {
        self.policies = policies
        for ref in components.values { govern(ref) }
    }

    private func govern(_ ref: ComponentRef) {
        ref.governor = ref.hasPolicies ? policies?.component(ref.name, type: ref.type) : nil
    }

    func install(_ ref: ComponentRef) {
        last = nil
        components[ref.name] = ref
        govern(ref)
        for observer in installationObservers { observer(ref) }
    }

    /// `body` is told of every component that is added or given other settings from now on, on the loop.
    package func observeInstallations(_ body: @escaping (ComponentRef) -> Void) { installationObservers.append(body) }

    /// The component has been given other settings, and has its instance.
    func changed(_ ref: ComponentRef) {
        govern(ref)
        for observer in installationObservers { observer(ref) }
    }

    func remove(_ name: String) {
        last = nil
        components[name]?.isInstalled = false
        for source in components[name]?.sources ?? [] { source.end() }
        components[name] = nil
    }

    // MARK: Sources

    /// Sources that are open on the instance.
    func sources(of instance: OpaquePointer) -> Int { Int(octavo_sources_of(calls, instance)) }

    /// The process that instances live in has ended; `remote` as their `octavo_instance_remote`.
    func lost(_ remote: OpaquePointer) {
        for ref in components.values {
            for source in ref.sources { source.lost(remote) }
        }
    }

    // MARK: Calls

    /// Gives a call to its instance.
    func submit(
        _ slot: UnsafeMutablePointer<octavo_slot>, _ counters: UnsafeMutablePointer<octavo_instance_counters>
    ) {
        guard !isInPlugin else {
            held.append(slot)
            return
        }
        give(slot, counters)
        while let next = held.popFirst() {
            guard octavo_slot_state(next) == OCTAVO_SLOT_OPEN, let instance = next.pointee.instance else {
                drop(next)
                continue
            }
            give(next, octavo_instance_counters_of(instance, table))
        }
    }

    private func give(
        _ slot: UnsafeMutablePointer<octavo_slot>, _ counters: UnsafeMutablePointer<octavo_instance_counters>
    ) {
        let call = octavo_calls_handle(slot)
        // Two readings of the clock cost as much as a small call: of those that end at once a part is measured.
        if counters.pointee.calls & CallLoop.sampleMask == 0 { slot.pointee.opened_ns = monotonicNanoseconds() }
        counters.pointee.calls &+= 1
        counters.pointee.in_flight &+= 1
        isInPlugin = true
        let refused = octavo_instance_submit(slot.pointee.instance.unsafelyUnwrapped, slot)
        isInPlugin = false
        if refused != 0 {
            counters.pointee.errors &+= 1
            counters.pointee.in_flight &-= 1
            fail(slot, refusal(slot, refused))
        } else if octavo_slot_is_pending(slot, call) != 0 {
            if slot.pointee.opened_ns == 0 { slot.pointee.opened_ns = monotonicNanoseconds() }
            if octavo_slot_is_open(slot, call) != 0 { track(slot) }
        }
    }

    /// One call in so many of those that a plugin answers at once is measured.
    private static let sampleMask: UInt64 = 15

    /// A measured call has ended.
    private func measure(_ slot: UnsafeMutablePointer<octavo_slot>, _ instance: OpaquePointer, failed: Bool) {
        let took = monotonicNanoseconds() - slot.pointee.opened_ns
        slot.pointee.opened_ns = 0
        ComponentInstance.meter(of: instance)?.record(
            op: slot.pointee.op, nanoseconds: took, count: isInPlugin ? CallLoop.sampleMask + 1 : 1, failed: failed, loop: index)
    }

    private func refusal(_ slot: UnsafeMutablePointer<octavo_slot>, _ cause: Int32) -> CallError {
        var error =
            cause == EAGAIN
            ? CallError(
                code: OCTAVO_CODE_RESOURCE_EXHAUSTED, reason: "QUEUE_FULL",
                message: "\(ComponentInstance.queueLimit) requests wait for this component already; its backend is too "
                    + "slow for this load")
            : CallError(
                code: OCTAVO_CODE_UNAVAILABLE, reason: "COMPONENT_STOPPED", message: "the component is being stopped")
        name(&error, slot)
        return error
    }

    /// The loop of an open call. A loop that is closed has none, so it is still there.
    static func of(_ slot: UnsafeMutablePointer<octavo_slot>) -> CallLoop {
        octavo_calls_owner(slot.pointee.table).assumingMemoryBound(to: CallLoopReference.self).pointee.loop
            .takeUnretainedValue()
    }

    /// Ends a call that no plugin has.
    func fail(_ slot: UnsafeMutablePointer<octavo_slot>, _ error: CallError) {
        let waiter = slot.pointee.waiter.map { Unmanaged<CallWaiter>.fromOpaque($0).takeRetainedValue() }
        slot.pointee.waiter = nil
        if let waiter {
            if let call = waiter as? GovernedCall, call.takesOver(slot, error) { return drop(slot) }
            traceEnd(waiter, slot, error.reason)
        }
        drop(slot)
        if let waiter { tracer.with(waiter.activity) { waiter.failed(error) } }
    }

    /// A call has ended for the request that it was part of.
    @inline(__always)
    private func traceEnd(_ waiter: CallWaiter, _ slot: UnsafeMutablePointer<octavo_slot>, _ failure: String?) {
        guard let trace = waiter.trace else { return }
        waiter.trace = nil
        tracer.callEnded(trace, failure: failure, waited: !isInPlugin) {
            let facts = slot.pointee.holder == nil ? ComponentInstance.facts(of: slot.pointee.instance) : nil
            return (facts?.component ?? "", facts?.type ?? "", operation(of: slot))
        }
    }

    /// Frees a call that no plugin has and nobody waits for.
    func drop(_ slot: UnsafeMutablePointer<octavo_slot>) {
        untrack(slot)
        octavo_calls_free(slot)
    }

    /// Writes into the error which component and operation it is of.
    private func name(_ error: inout CallError, _ slot: UnsafeMutablePointer<octavo_slot>) {
        if let holder = slot.pointee.holder {
            // A call waits in its component's own list, so the component is still there.
            let ref = Unmanaged<ComponentRef>.fromOpaque(holder).takeUnretainedValue()
            error.component = ref.name
            error.type = ref.type
        } else if let facts = ComponentInstance.facts(of: slot.pointee.instance) {
            error.component = facts.component
            error.type = facts.type
        }
        error.operation = operation(of: slot)
    }

    /// Watches a call that did not end at once.
    func track(_ slot: UnsafeMutablePointer<octavo_slot>) {
        guard slot.pointee.tracked == 0 else { return }
        slot.pointee.previous = OCTAVO_CALLS_NONE_VALUE
        slot.pointee.next = openList
        if let first = pointer(openList) { first.pointee.previous = slot.pointee.index }
        openList = slot.pointee.index
        slot.pointee.tracked = 1
        if tick == nil { scheduleTick() }
    }

    private func pointer(_ index: UInt32) -> UnsafeMutablePointer<octavo_slot>? {
        index == OCTAVO_CALLS_NONE_VALUE ? nil : octavo_calls_slot(calls, index)
    }

    private func untrack(_ slot: UnsafeMutablePointer<octavo_slot>) {
        guard slot.pointee.tracked == 1 else { return }
        slot.pointee.tracked = 0
        if let previous = pointer(slot.pointee.previous) {
            previous.pointee.next = slot.pointee.next
        } else {
            openList = slot.pointee.next
        }
        if let next = pointer(slot.pointee.next) { next.pointee.previous = slot.pointee.previous }
    }

    /// The plugin completed a call: directly during its operation, or drained from other threads.
    private func ended(
        _ slot: UnsafeMutablePointer<octavo_slot>, _ error: UnsafePointer<octavo_error>?, _ reply: UnsafeRawPointer?
    ) {
        untrack(slot)
        guard let instance = slot.pointee.instance else {
            octavo_calls_free(slot)
            return
        }
        let counters = octavo_instance_counters_of(instance, table)
        counters.pointee.in_flight &-= 1
        if slot.pointee.opened_ns != 0 { measure(slot, instance, failed: error != nil) }
        if slot.pointee.expired_ns == 0 { ComponentInstance.ended(op: slot.pointee.op, failed: error != nil, loop: index, of: instance) }
        if slot.pointee.expired_ns != 0 { counters.pointee.expired &-= 1 }
        guard let kept = slot.pointee.waiter else {
            octavo_calls_free(slot)
            return
        }
        let waiter = Unmanaged<CallWaiter>.fromOpaque(kept).takeRetainedValue()
        slot.pointee.waiter = nil
        if let error {
            counters.pointee.errors &+= 1
            var copy = CallError(copying: error, component: "", type: "", operation: "")
            name(&copy, slot)
            if copy.isOutage {
                counters.pointee.outages &+= 1
                ComponentInstance.note(outage: copy.message, of: instance)
            }
            if let call = waiter as? GovernedCall, call.takesOver(slot, copy) { return octavo_calls_free(slot) }
            traceEnd(waiter, slot, copy.reason)
            octavo_calls_free(slot)
            tracer.with(waiter.activity) { waiter.failed(copy) }
        } else {
            traceEnd(waiter, slot, nil)
            // What the reply points at may be the slot's own reply buffer.
            tracer.with(waiter.activity) { waiter.completed(reply) }
            octavo_calls_free(slot)
        }
    }

    private func operation(of slot: UnsafeMutablePointer<octavo_slot>) -> String {
        slot.pointee.info.map { String(cString: $0.pointee.name) } ?? "call"
    }

    /// Gives up waiting. The plugin may still read the request and is told nothing but, perhaps, a hint.
    /// Returns whether the waiter was released without having been called.
    @discardableResult
    func expire(_ slot: UnsafeMutablePointer<octavo_slot>, with error: CallError?) -> Bool {
        guard octavo_calls_expire(slot) != 0 else { return false }
        let waiter = slot.pointee.waiter.map { Unmanaged<CallWaiter>.fromOpaque($0).takeRetainedValue() }
        slot.pointee.waiter = nil
        // A call that waits in a list is freed when its turn comes; no plugin has heard of it.
        if slot.pointee.held == 0, let instance = slot.pointee.instance {
            slot.pointee.expired_ns = monotonicNanoseconds()
            let counters = octavo_instance_counters_of(instance, table)
            counters.pointee.expired &+= 1
            if error != nil {
                counters.pointee.errors &+= 1
                if slot.pointee.opened_ns != 0 { measure(slot, instance, failed: true) }
                ComponentInstance.ended(op: slot.pointee.op, failed: true, loop: index, of: instance)
            }
            slot.pointee.opened_ns = 0
            octavo_instance_cancel(instance, octavo_calls_handle(slot))
        }
        if let waiter {
            if let error, let call = waiter as? GovernedCall, call.takesOver(slot, error) { return true }
            traceEnd(waiter, slot, error?.reason ?? "CANCELLED")
            if let error { tracer.with(waiter.activity) { waiter.failed(error) } }
        }
        return true
    }

    private func scheduleTick() {
        tick = eventLoop.assumeIsolated().scheduleTask(in: CallLoop.resolution) { [self] in
            tick = nil
            compareWithDeadlines()
            if openList != OCTAVO_CALLS_NONE_VALUE { scheduleTick() }
        }
    }

    private func compareWithDeadlines() {
        let now = monotonicNanoseconds()
        var index = openList
        while let slot = pointer(index) {
            index = slot.pointee.next
            if slot.pointee.expired_ns > 0 {
                if now - slot.pointee.expired_ns > CallLoop.lostAfterNanoseconds { reportLost(slot) }
            } else if slot.pointee.deadline_ns > 0, slot.pointee.deadline_ns <= now {
                var error = CallError(
                    code: OCTAVO_CODE_DEADLINE_EXCEEDED, reason: "DEADLINE_EXCEEDED",
                    flags: slot.pointee.info?.pointee.op_class == OCTAVO_CLASS_REPEATABLE || slot.pointee.held == 1
                        ? 0 : UInt32(OCTAVO_ERROR_MAY_HAVE_TAKEN_EFFECT),
                    message: "no answer within the deadline; look at the backend's health, or give the call more time")
                name(&error, slot)
                expire(slot, with: error)
            }
        }
    }

    private func reportLost(_ slot: UnsafeMutablePointer<octavo_slot>) {
        // Nothing more is to be done about it, so that one lost call does not keep the clock running.
        untrack(slot)
        let facts = ComponentInstance.facts(of: slot.pointee.instance)
        logger.warning(
            "a plugin has not completed a call for 30 s after its end",
            metadata: [
                "component": "\(facts?.component ?? "")", "type": "\(facts?.type ?? "")",
                "operation": "\(operation(of: slot))",
            ])
    }

    /// Answers calls of an instance that will not be completed any more.
    func abandon(_ raw: OpaquePointer, _ message: String) {
        var index = openList
        while let slot = pointer(index) {
            index = slot.pointee.next
            guard slot.pointee.instance == raw, slot.pointee.expired_ns == 0 else { continue }
            var error = CallError(
                code: OCTAVO_CODE_UNAVAILABLE, reason: "COMPONENT_STOPPED",
                flags: slot.pointee.info?.pointee.op_class == OCTAVO_CLASS_REPEATABLE
                    ? 0 : UInt32(OCTAVO_ERROR_MAY_HAVE_TAKEN_EFFECT),
                message: message)
            name(&error, slot)
            expire(slot, with: error)
        }
    }

    /// Ends the loop's part. Calls that are still open fail. On the event loop.
    package func close() {
        isClosing = true
        for ref in components.values { ref.settle(target: nil, unavailable: Self.closing) }
        var index = openList
        while let slot = pointer(index) {
            index = slot.pointee.next
            expire(slot, with: Self.closing)
        }
        tick?.cancel()
        tick = nil
        openList = OCTAVO_CALLS_NONE_VALUE
        octavo_calls_retire(calls)
        for ref in components.values {
            for source in ref.sources { source.abandon() }
            ref.sources = []
        }
        components.removeAll()
        last = nil
    }

    private static let closing = CallError(
        code: OCTAVO_CODE_UNAVAILABLE, reason: "RUNTIME_STOPPING", message: "the runtime is being stopped")
}

/// `OCTAVO_CALLS_NONE`, which Swift does not import.
let OCTAVO_CALLS_NONE_VALUE = UInt32.max

/// What the C side holds of a loop. Allocated once for each table and never freed.
private struct CallLoopReference {
    /// Not retained: a loop that is closed has no calls, and its table is not delivered from any more.
    let loop: Unmanaged<CallLoop>
    let eventLoop: any EventLoop
    let calls: OpaquePointer

    /// From any thread.
    func wake() {
        // The table is not Sendable by type; it is drained on its own loop alone.
        let address = UInt(bitPattern: calls)
        eventLoop.execute { octavo_calls_drain(OpaquePointer(bitPattern: address).unsafelyUnwrapped) }
    }
}
