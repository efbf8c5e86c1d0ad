import Glibc
import NIOConcurrencyHelpers
import NIOPosix

/// Counts from several threads.
final class Counter: Sendable {
    private let box = NIOLockedValueBox(0)
    var value: Int { box.withLockedValue { $0 } }
    func add(_ count: Int = 1) { box.withLockedValue { $0 += count } }
}

/// Runs `body` in so many threads at once and waits for all; throws what the first of them threw.
func inThreads(_ count: Int, _ body: @escaping @Sendable (Int) throws -> Void) throws {
    let pool = NIOThreadPool(numberOfThreads: count)
    pool.start()
    let failure = NIOLockedValueBox<(any Error)?>(nil)
    // A semaphore is for threads, and glibc touches none any more whose post somebody has seen (sem_destroy after the last wait).
    nonisolated(unsafe) let signal = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)
    sem_init(signal, 0, 0)
    for number in 0..<count {
        pool.submit { _ in
            do { try body(number) } catch { failure.withLockedValue { if $0 == nil { $0 = error } } }
            sem_post(signal)
        }
    }
    for _ in 0..<count { while sem_wait(signal) != 0 {} }
    sem_destroy(signal)
    signal.deallocate()
    try? pool.syncShutdownGracefully()
    if let error = failure.withLockedValue({ $0 }) { throw error }
}

/// Whether the condition comes true in time.
func within(seconds: Int, _ condition: () throws -> Bool) rethrows -> Bool {
    for _ in 0..<(seconds * 100) {
        if try condition() { return true }
        usleep(10_000)
    }
    return try condition()
}
