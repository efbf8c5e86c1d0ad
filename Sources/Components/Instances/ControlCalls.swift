import COctavo
import COctavoHost
import Glibc
import NIOConcurrencyHelpers

/// Calls of the control plane: the life functions. They complete on any thread and are awaited.
enum ControlCalls {
    /// Who hears of the end of a control call: whoever took it out of the call's slot, once.
    private final class Waiter: Sendable {
        let outcome = Once<CallError?>()
    }

    /// Made once, never freed, and guarded by a lock of its own.
    nonisolated(unsafe) private static let table: OpaquePointer = {
        let owner = UnsafeMutableRawPointer.allocate(byteCount: 1, alignment: 1)
        let table = octavo_calls_new(
            owner,
            { _, slot, error, _ in
                if let kept = slot.pointee.waiter {
                    slot.pointee.waiter = nil
                    Unmanaged<Waiter>.fromOpaque(kept).takeRetainedValue().outcome.settle(
                        error.map { CallError(copying: $0, component: "", type: "", operation: "") })
                }
                octavo_calls_free(slot)
            }, nil, 4096)
        guard let table else { fatalError("no memory for a table of calls at start-up") }
        return table
    }()

    private static func open(_ waiter: Waiter, of instance: OpaquePointer?) -> UnsafeMutablePointer<octavo_slot>? {
        guard let slot = octavo_calls_open(table, 256) else { return nil }
        memset(slot.pointee.frame, 0, 256)
        slot.pointee.instance = instance
        slot.pointee.waiter = Unmanaged.passRetained(waiter).toOpaque()
        return slot
    }

    private static let exhausted = CallError(
        code: OCTAVO_CODE_RESOURCE_EXHAUSTED, reason: "TOO_MANY_CALLS",
        message: "too many control calls are under way; a component hangs")

    /// A function that gives its error by `complete` before it returns: `create`, a plugin's `start`.
    /// Returns the error, `nil` for success. On a control thread.
    static func synchronous(_ body: (octavo_call) -> Int32) -> CallError? {
        let waiter = Waiter()
        guard let slot = open(waiter, of: nil) else { return exhausted }
        let call = octavo_calls_handle(slot)
        let answer = body(call)
        if let open = octavo_calls_take(call) {
            // It did not complete the call, which ends here.
            if let kept = open.pointee.waiter { Unmanaged<Waiter>.fromOpaque(kept).release() }
            octavo_calls_free(open)
        }
        if answer == OCTAVO_OK { return nil }
        return waiter.outcome.now.flatMap { $0 }
            ?? CallError(code: OCTAVO_CODE_INTERNAL, message: "failed (\(answer)) without saying why")
    }

    /// A function that completes its call later. `body` is run in its turn on the control thread of the
    /// instance; when the task is cancelled, or time is up, nobody waits any more.
    static func asynchronous(
        _ operation: String, timeout: Duration, instance: ComponentInstance,
        _ body: @escaping @Sendable (octavo_call, UnsafePointer<octavo_life_request>) -> Void
    ) async -> CallError? {
        let deadline = monotonicNanoseconds() + Int64(timeout / .nanoseconds(1))
        let waiter = Waiter()
        guard let slot = open(waiter, of: instance.raw) else { return exhausted }
        let request = UnsafeMutableRawPointer(slot.pointee.frame).assumingMemoryBound(to: octavo_life_request.self)
        request.pointee.head.size = UInt32(MemoryLayout<octavo_life_request>.size)
        request.pointee.head.deadline_ns = deadline
        slot.pointee.deadline_ns = deadline
        let call = octavo_calls_handle(slot)
        // The frame stays where it is until the plugin has completed the call.
        let frame = UInt(bitPattern: request)
        instance.lane.submit(operation) {
            // A check that nobody waits for is not made; the end of an instance always is.
            if instance.isGone || operation == "health" && octavo_calls_is_open(call) == 0 {
                _ = octavo_calls_complete(call, nil, nil)
                return
            }
            instance.control { body(call, UnsafePointer(bitPattern: frame).unsafelyUnwrapped) }
        }
        let timer = Task {
            try await Task.sleep(for: timeout)
            giveUp(
                call,
                CallError(
                    code: OCTAVO_CODE_DEADLINE_EXCEEDED, reason: "TIMEOUT", flags: UInt32(OCTAVO_ERROR_OUTAGE),
                    message: "\(operation) gave no answer within \(timeout)"))
        }
        defer { timer.cancel() }
        return await withTaskCancellationHandler {
            await waiter.outcome.value()
        } onCancel: {
            giveUp(call, CallError(code: OCTAVO_CODE_CANCELLED, message: "\(operation) was given up"))
        }
    }

    private static func giveUp(_ call: octavo_call, _ error: CallError) {
        var kept: UnsafeMutableRawPointer?
        guard octavo_calls_give_up(call, &kept) != 0, let kept else { return }
        Unmanaged<Waiter>.fromOpaque(kept).takeRetainedValue().outcome.settle(error)
    }

    /// The plugin's side of the instance is gone: what it never completed, it never will.
    static func forget(_ instance: OpaquePointer) { octavo_calls_forget(table, instance) }
}
