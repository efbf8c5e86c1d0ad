import COctavo
import COctavoRing
import Components
import Glibc

/// Gives the end of a call to a thread that waits for it.
///
/// Sendable: made on the caller's thread, ended on an event loop, read by the caller after the semaphore; the
/// semaphore orders the three.
final class ReplyWaiter: CallWaiter, @unchecked Sendable {
    private let semaphore = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)
    private let layout: UnsafePointer<octavo_layout>?
    private let take: @Sendable (UnsafeRawPointer?) -> Void
    private let expired: Counter?
    private var failure: PluginFailure?
    /// Memory that the plugin may read until the end.
    var keep: Arena?

    init(_ layout: UnsafePointer<octavo_layout>?, expired: Counter? = nil, _ take: @escaping @Sendable (UnsafeRawPointer?) -> Void) {
        self.layout = layout
        self.expired = expired
        self.take = take
        sem_init(semaphore, 0, 0)
    }

    deinit {
        sem_destroy(semaphore)
        semaphore.deallocate()
    }

    override func completed(_ reply: UnsafeRawPointer?) {
        if let reply, let layout {
            let size = octavo_flat_size(layout, reply)
            if size == 0 || size == UInt64.max {
                failure = PluginFailure(
                    code: -1, reason: "MALFORMED_REPLY",
                    message: "the reply is not a valid \(String(cString: layout.pointee.name)): a size or a slice in it is wrong")
            } else {
                take(reply)
            }
        } else {
            take(reply)
        }
        sem_post(semaphore)
    }

    override func failed(_ error: CallError) {
        // The runtime's own word for it.
        if error.reason == "DEADLINE_EXCEEDED" { expired?.add() }
        failure = PluginFailure(
            code: error.code, flags: error.flags, reason: error.reason, message: error.message,
            index: error.details.first { $0.name == "index" }.flatMap { Int($0.value) })
        sem_post(semaphore)
    }

    /// Blocks until the end of the call; throws its error.
    func wait() throws {
        while sem_wait(semaphore) != 0 {}
        sem_post(semaphore)
        if let failure { throw failure }
    }

    /// The same with an end: false when the call has not ended by then.
    func wait(seconds: Int) -> Bool {
        var limit = timespec()
        clock_gettime(CLOCK_REALTIME, &limit)
        limit.tv_sec += seconds
        while sem_timedwait(semaphore, &limit) != 0 {
            if errno == ETIMEDOUT { return false }
        }
        sem_post(semaphore)
        return true
    }
}
