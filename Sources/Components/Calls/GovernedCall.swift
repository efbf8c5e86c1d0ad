import COctavo
import COctavoHost
import COctavoRing
import Governance
import NIOCore

/// A call of a component that follows the policies of its target: waits in place of the caller, and puts the request to the component
/// again when it has failed. Only made where there are policies. On the event loop that opened the call.
///
/// A slot that waits, for room or for the end of a pause, is open and held: its deadline goes on, and its caller may give up on it.
final class GovernedCall: CallWaiter {
    private let ref: ComponentRef
    private let governor: Governor
    private let waiter: CallWaiter
    /// What the caller gives, 0 for none; each try may have less.
    private let deadline: Int64
    private var ticket: Governor.Ticket?
    private var retries = 0
    /// The present slot is one that waits.
    private var waiting: UInt64?
    private var timer: Scheduled<Void>?
    /// The slot of the second try and of later ones, for the caller's handle.
    private(set) var handle: CallHandle?
    /// Waits in a held slot, which the request is told of.
    private var isHeldBack = false
    private var isCancelled = false
    private var isRefused = false

    init(_ ref: ComponentRef, _ governor: Governor, _ waiter: CallWaiter, deadline: Int64) {
        self.ref = ref
        self.governor = governor
        self.waiter = waiter
        self.deadline = deadline
    }

    private var now: Int64 { governor.needsExactTime ? monotonicNanoseconds() : coarseNanoseconds() }

    // MARK: A try

    /// Takes the request that has been put together.
    func submit(_ slot: UnsafeMutablePointer<octavo_slot>) {
        begin(slot, isFirst: true)
    }

    private func begin(_ slot: UnsafeMutablePointer<octavo_slot>, isFirst: Bool) {
        let call = octavo_calls_handle(slot)
        let now = self.now
        go(slot, governor.enter(now: now, isFirst: isFirst, resume: resumption(slot, call)), now)
    }

    private func go(_ slot: UnsafeMutablePointer<octavo_slot>, _ entry: Governor.Entry, _ now: Int64) {
        switch entry {
        case .go(let ticket): give(slot, ticket, now)
        case .refused(let refusal): refuse(slot, refusal)
        case .wait(let id, let most):
            let call = octavo_calls_handle(slot)
            waiting = id
            hold(slot)
            if let most {
                after(most) { [self] in
                    guard waiting == id, let slot = still(slot, call) else { return }
                    waiting = nil
                    goesOn()
                    governor.giveUp(id, tooLong: true)
                    slot.pointee.held = 0
                    refuse(slot, .waitedTooLong)
                }
            }
        }
    }

    private func resumption(_ slot: UnsafeMutablePointer<octavo_slot>, _ call: octavo_call) -> @Sendable () -> Void {
        let eventLoop = ref.loop.eventLoop
        let bound = NIOLoopBound((call: self, slot: slot, handle: call), eventLoop: eventLoop)
        return { eventLoop.execute { bound.value.call.resumed(bound.value.slot, bound.value.handle) } }
    }

    private func resumed(_ slot: UnsafeMutablePointer<octavo_slot>, _ call: octavo_call) {
        guard let id = waiting else { return }
        waiting = nil
        timer?.cancel()
        timer = nil
        goesOn()
        guard let slot = still(slot, call) else { return governor.giveUp(id) }
        slot.pointee.held = 0
        let now = monotonicNanoseconds()
        go(slot, governor.enterHeld(id, now: now, resume: resumption(slot, call)), now)
    }

    /// The slot, if its caller still waits; one that nobody waits for any more is freed.
    private func still(_ slot: UnsafeMutablePointer<octavo_slot>, _ call: octavo_call) -> UnsafeMutablePointer<octavo_slot>? {
        guard octavo_slot_is_pending(slot, call) != 0 else { return nil }
        if octavo_slot_state(slot) == OCTAVO_SLOT_OPEN { return slot }
        slot.pointee.held = 0
        ref.loop.drop(slot)
        return nil
    }

    private func goesOn(retries: Bool = false) {
        guard isHeldBack else { return }
        isHeldBack = false
        activity?.live?.goesOn(retries: retries)
    }

    private func hold(_ slot: UnsafeMutablePointer<octavo_slot>) {
        isHeldBack = true
        activity?.live?.isHeldBack()
        slot.pointee.held = 1
        slot.pointee.holder = Unmanaged.passUnretained(ref).toOpaque()
        slot.pointee.deadline_ns = deadline
        slot.pointee.instance = nil
        ref.loop.track(slot)
    }

    private func give(_ slot: UnsafeMutablePointer<octavo_slot>, _ ticket: Governor.Ticket, _ now: Int64) {
        self.ticket = ticket
        guard let target = ref.target, let function = octavo_op_at(target.ops, slot.pointee.op) else {
            var error = ref.unavailable
            error.component = ref.name
            error.type = ref.type
            return ref.loop.fail(slot, error)
        }
        slot.pointee.holder = nil
        slot.pointee.function = function
        slot.pointee.instance = target.raw
        if let timeout = governor.policy.timeout?.value {
            let end = now + timeout.nanoseconds
            let until = deadline > 0 ? min(deadline, end) : end
            slot.pointee.deadline_ns = until
            UnsafeMutableRawPointer(slot.pointee.frame).assumingMemoryBound(to: octavo_head.self).pointee.deadline_ns = until
        }
        if ref.isParked { ref.park(slot) } else { ref.loop.submit(slot, target.counters) }
    }

    private func refuse(_ slot: UnsafeMutablePointer<octavo_slot>, _ refusal: Governor.Refusal) {
        isRefused = true
        let (code, reason): (Int32, String) =
            switch refusal {
            case .breakerOpen: (OCTAVO_CODE_UNAVAILABLE, "CIRCUIT_BREAKER_OPEN")
            case .rateLimited: (OCTAVO_CODE_RESOURCE_EXHAUSTED, "RATE_LIMITED")
            case .full, .waitedTooLong: (OCTAVO_CODE_RESOURCE_EXHAUSTED, "BULKHEAD_FULL")
            case .adaptiveLimit: (OCTAVO_CODE_RESOURCE_EXHAUSTED, "CONCURRENCY_LIMITED")
            }
        var error = ref.error(
            code, reason, "\(refusal.cause); see 'octavo policy explain component/\(ref.name)'", Int32(bitPattern: slot.pointee.op))
        if case .breakerOpen(let time) = refusal { error.retryAfterNanoseconds = time }
        if case .rateLimited(let time) = refusal { error.retryAfterNanoseconds = time }
        ref.loop.fail(slot, error)
    }

    private func after(_ time: Duration, _ body: @escaping () -> Void) {
        timer = ref.loop.eventLoop.assumeIsolated().scheduleTask(in: .nanoseconds(time.nanoseconds)) { [self] in
            timer = nil
            body()
        }
    }

    // MARK: Its end

    override func completed(_ reply: UnsafeRawPointer?) {
        if let ticket { governor.leave(ticket, success: true, now: now) }
        ticket = nil
        waiter.completed(reply)
    }

    override func failed(_ error: CallError) {
        goesOn()
        settle(error)
        waiter.failed(error)
    }

    private func settle(_ error: CallError) {
        guard let ticket else { return }
        self.ticket = nil
        let isTimeout = error.code == OCTAVO_CODE_DEADLINE_EXCEEDED
        governor.leave(ticket, success: Self.isOfRequest(error), overloaded: isTimeout, now: monotonicNanoseconds())
    }

    /// Whether the error says something about the request, and nothing about the component.
    private static func isOfRequest(_ error: CallError) -> Bool {
        switch error.code {
        case OCTAVO_CODE_CANCELLED, OCTAVO_CODE_INVALID_ARGUMENT, OCTAVO_CODE_NOT_FOUND, OCTAVO_CODE_ALREADY_EXISTS,
            OCTAVO_CODE_PERMISSION_DENIED, OCTAVO_CODE_FAILED_PRECONDITION, OCTAVO_CODE_ABORTED, OCTAVO_CODE_OUT_OF_RANGE,
            OCTAVO_CODE_UNIMPLEMENTED, OCTAVO_CODE_UNAUTHENTICATED:
            error.flags & UInt32(OCTAVO_ERROR_RETRYABLE) == 0
        default: false
        }
    }

    /// Called in place of `failed` while the request of the failed try can still be read. True: there is another try, and `slot` may be
    /// freed when its plugin has completed it; nobody is told.
    func takesOver(_ slot: UnsafeMutablePointer<octavo_slot>, _ error: CallError) -> Bool {
        settle(error)
        guard !isRefused, !isCancelled, !ref.loop.isClosing, !Self.isOfRequest(error), error.flags & UInt32(OCTAVO_ERROR_PERMANENT) == 0,
            let info = slot.pointee.info
        else { return false }
        // Another try could meet what this one has done, and take it for somebody else's.
        if error.mayHaveTakenEffect, info.pointee.op_class == OCTAVO_CLASS_CONDITIONAL { return false }
        let now = monotonicNanoseconds()
        if deadline > 0, now >= deadline { return false }
        let bytes = octavo_flat_size(info.pointee.request, slot.pointee.frame)
        guard bytes != UInt64.max,
            var pause = governor.pause(beforeRetry: retries, after: .grpc(Int(error.code)), chance: .random(in: -1...1), now: now)
        else { return false }
        if error.retryAfterNanoseconds > 0 { pause = max(pause, .nanoseconds(error.retryAfterNanoseconds)) }
        if deadline > 0, now + pause.nanoseconds >= deadline { return false }
        guard let next = octavo_calls_open(ref.loop.calls, bytes),
            octavo_flatten(info.pointee.request, slot.pointee.frame, next.pointee.frame, bytes, 0) != UInt64.max
        else { return false }
        retries += 1
        UnsafeMutableRawPointer(next.pointee.frame).assumingMemoryBound(to: octavo_head.self).pointee.deadline_ns = deadline
        next.pointee.op = slot.pointee.op
        next.pointee.info = info
        next.pointee.waiter = Unmanaged.passRetained(self as CallWaiter).toOpaque()
        hold(next)
        let call = octavo_calls_handle(next)
        handle = CallHandle(slot: next, call: call)
        after(pause) { [self] in
            goesOn(retries: true)
            guard let next = still(next, call) else { return }
            next.pointee.held = 0
            begin(next, isFirst: false)
        }
        return true
    }

    /// The caller has gone.
    func cancel() {
        isCancelled = true
        goesOn()
        if let ticket { governor.abandon(ticket) }
        ticket = nil
    }
}
