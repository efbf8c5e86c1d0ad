import COctavo
import COctavoRing
import Components
import Glibc
import NIOConcurrencyHelpers
import NIOCore

/// A component of the check's store, called from any thread through its event loops in turn.
struct ComponentCaller: PluginCaller {
    let name: String
    let kind: Int32
    let features: UInt64
    let maxTransactionOps: UInt32
    let loops: [NIOLoopBound<CallLoop>]
    /// A call that takes longer is a finding: "not completed".
    var patience: Duration = .seconds(5)
    /// Calls whose time was over before the plugin completed them.
    let expired = Counter()
    private let next = Counter()

    init(name: String, kind: Int32, features: UInt64, maxTransactionOps: UInt32, loops: [NIOLoopBound<CallLoop>]) {
        (self.name, self.kind, self.features, self.maxTransactionOps, self.loops) = (name, kind, features, maxTransactionOps, loops)
    }

    func submit(
        _ op: Int32, _ request: UnsafeRawPointer, _ take: @escaping @Sendable (UnsafeRawPointer?) -> Void
    ) -> () throws -> Void {
        let waiter = begin(op, request, take: take)
        return { try waiter.wait() }
    }

    /// The operation of the kind's table.
    func info(_ op: Int32) -> octavo_op { octavo_kind_at(kind).unsafelyUnwrapped.pointee.ops[Int(op)] }

    /// What becomes of the call after it was given to the plugin.
    enum Fate: Sendable { case waitedFor, cancelled }

    /// Begins a call. With `placed`, the request's own slices go to the plugin as they are, and the arena lives until
    /// the end of the call; else all is copied.
    func begin(
        _ op: Int32, _ request: UnsafeRawPointer, placed: Arena? = nil, patience: Duration? = nil, fate: Fate = .waitedFor,
        time: NIOLockedValueBox<Int64>? = nil,
        take: @escaping @Sendable (UnsafeRawPointer?) -> Void = { _ in }
    ) -> ReplyWaiter {
        let info = info(op)
        let waiter = ReplyWaiter(info.reply, expired: expired, take)
        let layout = info.request
        let isPlaced = placed != nil
        let size = isPlaced ? UInt64(layout.pointee.size) : octavo_flat_size(layout, request)
        let copy = UnsafeMutableRawPointer.allocate(byteCount: Int(size), alignment: 16)
        if isPlaced {
            memcpy(copy, request, Int(size))
        } else {
            precondition(octavo_flatten(layout, request, copy, size, 0) == size, "a request of the check is malformed")
        }
        waiter.keep = placed
        next.add()
        let loop = loops[next.value % loops.count]
        let deadline = monotonicNanoseconds() + Int64((patience ?? self.patience) / .nanoseconds(1))
        // Handed over: after this the loop alone uses `memory`, and frees it; `shape` is constant and never freed.
        nonisolated(unsafe) let memory = copy
        nonisolated(unsafe) let shape = layout
        let name = self.name
        loop.eventLoop.execute {
            defer { memory.deallocate() }
            guard let ref = loop.value.component(named: name) else {
                return waiter.failed(CallError(code: OCTAVO_CODE_NOT_FOUND, reason: "NO_COMPONENT", message: "the component was removed"))
            }
            guard
                let slot = ref.open(
                    op, octavo_head.self, bytes: Int(size) - MemoryLayout<octavo_head>.size, deadline: deadline, waiter: waiter)
            else { return }
            let frame = UnsafeMutableRawPointer(slot.request)
            if isPlaced { memcpy(frame, memory, Int(size)) } else { _ = octavo_flatten(shape, memory, frame, size, 0) }
            slot.request.pointee.deadline_ns = deadline
            let began = monotonicNanoseconds()
            let handle = slot.submit()
            time?.withLockedValue { $0 = monotonicNanoseconds() - began }
            if case .cancelled = fate {
                let isOpen = handle.isOpen
                handle.cancel()
                if isOpen { waiter.failed(CallError(code: OCTAVO_CODE_CANCELLED, message: "cancelled by the check")) }
            }
        }
        return waiter
    }

    /// How long an operation holds its event loop, in nanoseconds.
    func timed(_ op: Int32, _ request: UnsafeRawPointer) throws -> Int64 {
        let time = NIOLockedValueBox<Int64>(0)
        let waiter = begin(op, request, time: time)
        do { try waiter.wait() } catch is PluginFailure {}
        // What is measured is written after the end of the call: by the loop's next turn it is there.
        for loop in loops { try loop.eventLoop.submit {}.wait() }
        return time.withLockedValue { $0 }
    }
}
