import PluginKit

/// Group commit. A worker that brings a write and finds nobody writing becomes the writer, and goes on
/// until the queue is empty; the others leave their writes and return to their next call. So one
/// commit, with one wait for the disk, serves all writes that came in during the one before.
final class WriteQueue {
    struct Job {
        enum Work {
            case write(UnsafePointer<octavo_state_write>, operation: Int32, WriteReply)
            case bulk(UnsafePointer<octavo_state_writes_request>, operation: Int32?, BulkWriteReply)
            case transaction(UnsafePointer<octavo_state_writes_request>, EmptyReply)
            case removePrefix(Str, CountReply)
            /// A read of a database that has only one connection.
            case read((Connection) throws(PluginError) -> Void, Call)
        }
        let work: Work

        var call: Call {
            switch work {
            case .write(_, _, let reply): reply.call
            case .bulk(_, _, let reply): reply.call
            case .transaction(_, let reply): reply.call
            case .removePrefix(_, let reply): reply.call
            case .read(_, let call): call
            }
        }
    }

    /// Jobs of one commit.
    private static let batch = 256
    /// Above this new writes are refused: the disk does not keep up.
    private static let limit = 10_000

    private let monitor = Monitor()
    private var pending: [Job] = []
    private var isBusy = false
    private var isClosed = false

    /// Adds a job; if nobody is at work, does all there are by `work` before it returns.
    func add(_ job: Job, _ work: ([Job]) -> Void) throws(PluginError) {
        enum Outcome { case left, mine, full, closed }
        let outcome: Outcome = monitor.with {
            if isClosed { return .closed }
            if pending.count >= WriteQueue.limit { return .full }
            pending.append(job)
            if isBusy { return .left }
            isBusy = true
            return .mine
        }
        switch outcome {
        case .left: return
        case .closed: throw PluginError(OCTAVO_CODE_UNAVAILABLE, "The store is being stopped.", flags: OCTAVO_ERROR_RETRYABLE)
        case .full:
            throw PluginError(
                OCTAVO_CODE_RESOURCE_EXHAUSTED,
                "\(WriteQueue.limit) writes wait for the disk already. Write less, or use a faster disk.",
                flags: OCTAVO_ERROR_RETRYABLE | OCTAVO_ERROR_THROTTLED)
        case .mine: break
        }
        while let jobs = take() { work(jobs) }
    }

    private func take() -> [Job]? {
        monitor.with {
            if pending.isEmpty {
                isBusy = false
                monitor.wakeAll()
                return nil
            }
            if pending.count <= WriteQueue.batch {
                let jobs = pending
                pending = []
                return jobs
            }
            let jobs = Array(pending[..<WriteQueue.batch])
            pending.removeFirst(WriteQueue.batch)
            return jobs
        }
    }

    /// Takes no more, and waits until all that was taken is done.
    func close() {
        monitor.with {
            isClosed = true
            while isBusy { monitor.wait() }
        }
    }

    func open() { monitor.with { isClosed = false } }
}
