import COctavo
import COctavoHost
package import Logging
package import NIOCore

/// The part of the component layer that lives on one event loop: its calls under way and its view of
/// the components. Used on that loop alone.
package final class CallLoop {
    package let eventLoop: any EventLoop
    package let index: Int
    let calls: OpaquePointer
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

    /// On the event loop itself. Fails only when the process has no memory or 256 tables.
    package init?(eventLoop: any EventLoop, index: Int, logger: Logger) {
        eventLoop.assertInEventLoop()
        self.eventLoop = eventLoop
        self.index = index
        self.logger = logger
        let owner = UnsafeMutablePointer<CallLoopReference>.allocate(capacity: 1)
        guard
            let calls = octavo_calls_new(
                owner,
                { owner, slot, error, reply in
                    let loop = owner.assumingMemoryBound(to: CallLoopReference.self).pointee.loop.unsafelyUnwrapped
                    loop.ended(slot, error, reply)
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
        owner.initialize(to: CallLoopReference(loop: self, eventLoop: eventLoop, calls: calls))
        octavo_calls_bind(calls)
    }

    /// Calls that are open, completed elsewhere, or expired and not yet completed.
    package var inUse: Int { Int(octavo_calls_in_use(calls)) }

    // MARK: Components

    /// The component of that name, `nil` when there is none on this loop.
    package func component(named name: String) -> ComponentRef? {
        if let last, last.name == name { return last.ref }
        guard let ref = components[name] else { return nil }
        last = (name, ref)
        return ref
    }

    package var allComponents: [ComponentRef] { components.values.sorted { $0.name < $1.name } }

    func install(_ ref: ComponentRef) {
        last = nil
        components[ref.name] = ref
    }

    func remove(_ name: String) {
        last = nil
        components[name]?.isInstalled = false
        components[name] = nil
    }

    // MARK: Calls

    /// Watches a call that did not end at once.
    func track(_ slot: UnsafeMutablePointer<octavo_slot>) {
        slot.pointee.previous = OCTAVO_CALLS_NONE_VALUE
        slot.pointee.next = openList
        if let first = pointer(openList) { first.pointee.previous = slot.pointee.index }
        openList = slot.pointee.index
        slot.pointee.reserved.0 = 1
        if tick == nil { scheduleTick() }
    }

    private func pointer(_ index: UInt32) -> UnsafeMutablePointer<octavo_slot>? {
        index == OCTAVO_CALLS_NONE_VALUE ? nil : octavo_calls_slot(calls, index)
    }

    private func untrack(_ slot: UnsafeMutablePointer<octavo_slot>) {
        guard slot.pointee.reserved.0 == 1 else { return }
        slot.pointee.reserved.0 = 0
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
        let counters = slot.pointee.instance.map { octavo_instance_counters_of($0, table) }
        if let kept = slot.pointee.waiter {
            let waiter = Unmanaged<CallWaiter>.fromOpaque(kept).takeRetainedValue()
            slot.pointee.waiter = nil
            if let error {
                counters?.pointee.errors += 1
                waiter.failed(callError(copying: error, slot))
            } else {
                waiter.completed(reply)
            }
        }
        counters?.pointee.in_flight -= 1
        octavo_calls_free(slot)
    }

    private func callError(
        copying error: UnsafePointer<octavo_error>, _ slot: UnsafeMutablePointer<octavo_slot>
    ) -> CallError {
        let facts = ComponentInstance.facts(of: slot.pointee.instance)
        return CallError(
            copying: error, component: facts?.component ?? "", type: facts?.type ?? "", operation: operation(of: slot))
    }

    private func operation(of slot: UnsafeMutablePointer<octavo_slot>) -> String {
        slot.pointee.info.map { String(cString: $0.pointee.name) } ?? "call"
    }

    /// Gives up waiting. The plugin may still read the request and is told nothing but, perhaps, a hint.
    /// Returns whether the waiter was released without having been called.
    @discardableResult
    func expire(_ slot: UnsafeMutablePointer<octavo_slot>, with error: CallError?) -> Bool {
        guard octavo_calls_expire(slot) != 0 else { return false }
        slot.pointee.expired_ns = monotonicNanoseconds()
        let waiter = slot.pointee.waiter.map { Unmanaged<CallWaiter>.fromOpaque($0).takeRetainedValue() }
        slot.pointee.waiter = nil
        if let instance = slot.pointee.instance {
            octavo_instance_cancel(instance, octavo_calls_handle(slot))
            if error != nil { octavo_instance_counters_of(instance, table).pointee.errors += 1 }
        }
        if let error { waiter?.failed(error) }
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
                let facts = ComponentInstance.facts(of: slot.pointee.instance)
                var error = CallError(
                    code: OCTAVO_CODE_DEADLINE_EXCEEDED, reason: "DEADLINE_EXCEEDED",
                    flags: slot.pointee.info?.pointee.op_class == OCTAVO_CLASS_REPEATABLE
                        ? 0 : UInt32(OCTAVO_ERROR_MAY_HAVE_TAKEN_EFFECT),
                    message: "no answer within the deadline; look at the backend's health, or give the call more time")
                error.component = facts?.component ?? ""
                error.type = facts?.type ?? ""
                error.operation = operation(of: slot)
                expire(slot, with: error)
            }
        }
    }

    private func reportLost(_ slot: UnsafeMutablePointer<octavo_slot>) {
        slot.pointee.expired_ns = -1
        let facts = ComponentInstance.facts(of: slot.pointee.instance)
        logger.warning(
            "a plugin has not completed a call for 30 s after its end",
            metadata: [
                "component": "\(facts?.component ?? "")", "type": "\(facts?.type ?? "")",
                "operation": "\(operation(of: slot))",
            ])
    }

    /// Ends the loop's part: every call must have ended. On the event loop.
    package func close() {
        tick?.cancel()
        octavo_calls_retire(calls)
        components.removeAll()
        last = nil
    }
}

/// `OCTAVO_CALLS_NONE`, which Swift does not import.
let OCTAVO_CALLS_NONE_VALUE = UInt32.max

/// What the C side holds of a loop. Allocated once for each table and never freed.
private struct CallLoopReference {
    unowned(unsafe) let loop: CallLoop?
    let eventLoop: any EventLoop
    let calls: OpaquePointer

    /// From any thread.
    func wake() {
        // The table is not Sendable by type; it is drained on its own loop alone.
        let address = UInt(bitPattern: calls)
        eventLoop.execute { octavo_calls_drain(OpaquePointer(bitPattern: address).unsafelyUnwrapped) }
    }
}
