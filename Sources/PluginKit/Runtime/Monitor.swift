/// A mutex with a condition, for threads that wait for each other: plugins of `blocking` types.
public final class Monitor {
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>

    public init() {
        mutex = .allocate(capacity: 1)
        condition = .allocate(capacity: 1)
        pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(condition, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    public func with<Result>(_ body: () -> Result) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return body()
    }

    /// Inside `with`: lets go of the mutex until somebody calls `wakeAll`.
    public func wait() { pthread_cond_wait(condition, mutex) }

    /// The same, and goes on after `nanoseconds` in any case.
    public func wait(atMost nanoseconds: Int64) {
        let end = plugin_kit_monotonic() + nanoseconds
        var time = timespec()
        time.tv_sec = Int(end / 1_000_000_000)
        time.tv_nsec = Int(end % 1_000_000_000)
        pthread_cond_timedwait(condition, mutex, &time)
    }

    /// Inside `with`.
    public func wakeAll() { pthread_cond_broadcast(condition) }
}
