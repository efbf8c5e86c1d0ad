import COctavo
import COctavoHost
import Glibc

/// Calls of the control plane: the life functions. They complete on any thread and are awaited.
enum ControlCalls {
    /// Who awaits a control call. Sendable: resumed exactly once, by whoever won the call's slot.
    private final class Waiter: @unchecked Sendable {
        var resume: ((CallError?) -> Void)?
        init(_ resume: @escaping (CallError?) -> Void) { self.resume = resume }
    }

    /// Made once, never freed, and guarded by a lock of its own.
    nonisolated(unsafe) private static let table: OpaquePointer = {
        let owner = UnsafeMutableRawPointer.allocate(byteCount: 1, alignment: 1)
        let table = octavo_calls_new(
            owner,
            { _, slot, error, _ in
                if let kept = slot.pointee.waiter {
                    slot.pointee.waiter = nil
                    let waiter = Unmanaged<Waiter>.fromOpaque(kept).takeRetainedValue()
                    waiter.resume?(
                        error.map { CallError(copying: $0, component: "", type: "", operation: "") })
                }
                octavo_calls_free(slot)
            }, nil, 4096)
        guard let table else { fatalError("no memory for a table of calls at start-up") }
        return table
    }()

    private static func open(_ waiter: Waiter) -> UnsafeMutablePointer<octavo_slot>? {
        guard let slot = octavo_calls_open(table, 256) else { return nil }
        memset(slot.pointee.frame, 0, 256)
        slot.pointee.waiter = Unmanaged.passRetained(waiter).toOpaque()
        return slot
    }

    private static let exhausted = CallError(
        code: OCTAVO_CODE_RESOURCE_EXHAUSTED, message: "too many control calls are under way; a component hangs")

    /// A function that gives its error by `complete` before it returns: `create`, a plugin's `start`.
    /// Returns the error, `nil` for success. On a control thread.
    static func synchronous(_ body: @escaping @Sendable (octavo_call) -> Int32) async -> CallError? {
        await ControlThread.run { synchronousHere(body) }
    }

    static func synchronousHere(_ body: (octavo_call) -> Int32) -> CallError? {
        var failure: CallError?
        let waiter = Waiter { failure = $0 }
        guard let slot = open(waiter) else { return exhausted }
        let call = octavo_calls_handle(slot)
        let answer = body(call)
        if let open = octavo_calls_give_up(call) {
            // It did not complete the call, which ends here.
            if let kept = open.pointee.waiter { Unmanaged<Waiter>.fromOpaque(kept).release() }
            octavo_calls_free(open)
        }
        if answer == OCTAVO_OK { return nil }
        return failure ?? CallError(code: OCTAVO_CODE_INTERNAL, message: "failed (\(answer)) without saying why")
    }

    /// A function that completes its call later. `body` is run on the control thread of the instance.
    static func asynchronous(
        _ operation: String, timeout: Duration, instance: ComponentInstance,
        _ body: @escaping @Sendable (octavo_call, UnsafePointer<octavo_life_request>) -> Void
    ) async -> CallError? {
        let deadline = monotonicNanoseconds() + Int64(timeout / .nanoseconds(1))
        return await withCheckedContinuation { continuation in
            let waiter = Waiter { continuation.resume(returning: $0) }
            guard let slot = open(waiter) else {
                continuation.resume(returning: exhausted)
                return
            }
            let request = UnsafeMutableRawPointer(slot.pointee.frame).assumingMemoryBound(to: octavo_life_request.self)
            request.pointee.head.size = UInt32(MemoryLayout<octavo_life_request>.size)
            request.pointee.head.deadline_ns = deadline
            slot.pointee.deadline_ns = deadline
            let call = octavo_calls_handle(slot)
            let frame = UInt(bitPattern: request)
            let timer = Task {
                try? await Task.sleep(for: timeout)
                guard !Task.isCancelled, let late = octavo_calls_give_up(call) else { return }
                guard let kept = late.pointee.waiter else { return }
                late.pointee.waiter = nil
                Unmanaged<Waiter>.fromOpaque(kept).takeRetainedValue().resume?(
                    CallError(
                        code: OCTAVO_CODE_DEADLINE_EXCEEDED, reason: "TIMEOUT", flags: UInt32(OCTAVO_ERROR_OUTAGE),
                        message: "\(operation) gave no answer within \(timeout)"))
            }
            let resume = waiter.resume
            waiter.resume = { error in
                timer.cancel()
                resume?(error)
            }
            ControlThread.start {
                instance.control {
                    body(call, UnsafePointer(bitPattern: frame).unsafelyUnwrapped)
                }
            }
        }
    }
}
