import Glibc

/// Writes lines to a descriptor from a thread of its own, so that an event loop never waits for a terminal
/// or for a collector that has stopped reading its pipe.
///
/// Lines wait in one buffer of bounded size. When it is full, new lines are dropped and counted, and the
/// count is written once there is room: a log that can't keep up must not take the runtime's memory or time.
/// A direct write(2) would be simpler, but it blocks as long as the reader pleases.
///
/// `@unchecked Sendable`: `pending`, `dropped`, `isWriting` are touched with `lock` held; the rest never changes.
/// Sinks live as long as the process: their thread holds them.
package final class LogSink: @unchecked Sendable {
    private let descriptor: Int32
    private let limit: Int
    private let lock: UnsafeMutablePointer<pthread_mutex_t>
    /// Signalled when lines come in, and when all were written.
    private let changed: UnsafeMutablePointer<pthread_cond_t>
    private var pending: [UInt8] = []
    private var dropped = 0
    private var isWriting = false

    /// Standard error. What waits is written before the process exits.
    package static let standardError: LogSink = {
        let sink = LogSink(descriptor: STDERR_FILENO)
        atexit { LogSink.standardError.flush() }
        return sink
    }()

    /// - Parameters:
    ///   - descriptor: stays the caller's, and must stay open.
    ///   - limit: bytes that may wait. 1 MiB is some 5,000 lines.
    package init(descriptor: Int32, limit: Int = 1 << 20) {
        self.descriptor = descriptor
        self.limit = limit
        lock = .allocate(capacity: 1)
        lock.initialize(to: pthread_mutex_t())
        pthread_mutex_init(lock, nil)
        changed = .allocate(capacity: 1)
        changed.initialize(to: pthread_cond_t())
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(changed, &attributes)
        pthread_condattr_destroy(&attributes)
        startThread()
    }

    /// Takes one line with its line feed. Never waits for the descriptor; on any thread.
    package func write(_ line: [UInt8]) {
        pthread_mutex_lock(lock)
        if pending.count + line.count > limit {
            dropped += 1
        } else {
            pending += line
            // A writer at work looks again before it sleeps.
            if !isWriting { pthread_cond_broadcast(changed) }
        }
        pthread_mutex_unlock(lock)
    }

    /// Waits until everything is written, at most `timeout`: for the end of the process and before it dies.
    package func flush(timeout: Duration = .seconds(2)) {
        var deadline = timespec()
        clock_gettime(CLOCK_MONOTONIC, &deadline)
        let nanoseconds = deadline.tv_nsec + Int(timeout.components.attoseconds / 1_000_000_000)
        deadline.tv_sec += Int(timeout.components.seconds) + nanoseconds / 1_000_000_000
        deadline.tv_nsec = nanoseconds % 1_000_000_000
        pthread_mutex_lock(lock)
        while !pending.isEmpty || isWriting || dropped > 0 {
            if pthread_cond_timedwait(changed, lock, &deadline) != 0 { break }
        }
        pthread_mutex_unlock(lock)
    }

    private func startThread() {
        var thread = pthread_t()
        let code = pthread_create(
            &thread, nil,
            { context in
                // The reference of the thread, taken below: the sink lives as long as it runs, which is for good.
                Unmanaged<LogSink>.fromOpaque(context!).takeUnretainedValue().run()
            }, Unmanaged.passRetained(self).toOpaque())
        precondition(code == 0, "there are not enough threads for the log")
        pthread_detach(thread)
    }

    private func run() -> Never {
        // Signals are for the threads that expect them.
        var all = sigset_t()
        sigfillset(&all)
        pthread_sigmask(SIG_BLOCK, &all, nil)
        while true {
            pthread_mutex_lock(lock)
            while pending.isEmpty, dropped == 0 { pthread_cond_wait(changed, lock) }
            var batch: [UInt8] = []
            swap(&batch, &pending)
            let lost = dropped
            dropped = 0
            isWriting = true
            pthread_mutex_unlock(lock)

            if lost > 0 { batch += Array("… \(lost) log lines were dropped: the log is not read fast enough\n".utf8) }
            writeAll(batch)

            pthread_mutex_lock(lock)
            isWriting = false
            pthread_cond_broadcast(changed)
            pthread_mutex_unlock(lock)
        }
    }

    /// Gives up on an error: there is nobody left to tell.
    private func writeAll(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { buffer in
            var start = 0
            while start < buffer.count {
                let count = Glibc.write(descriptor, buffer.baseAddress! + start, buffer.count - start)
                if count > 0 {
                    start += count
                } else if errno == EAGAIN {
                    var poll = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                    Glibc.poll(&poll, 1, -1)
                } else if errno != EINTR {
                    return
                }
            }
        }
    }
}
