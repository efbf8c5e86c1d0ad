import NIOConcurrencyHelpers

/// The control functions of one instance: one at a time and in order, on a thread that lives while there
/// are any. A function that does not return holds up those of its own instance and nobody else's.
final class ControlLane: Sendable {
    private struct Job {
        let operation: String
        let body: @Sendable () -> Void
    }

    private struct State {
        var jobs: [Job] = []
        var running: (operation: String, since: Int64)?
    }

    private let state = NIOLockedValueBox(State())

    /// The function that runs now, and for how long it has.
    var running: (operation: String, seconds: Int)? {
        state.withLockedValue { state in
            state.running.map { ($0.operation, Int((monotonicNanoseconds() - $0.since) / 1_000_000_000)) }
        }
    }

    func submit(_ operation: String, _ body: @escaping @Sendable () -> Void) {
        let isFirst = state.withLockedValue { state in
            state.jobs.append(Job(operation: operation, body: body))
            guard state.running == nil else { return false }
            state.running = (operation, monotonicNanoseconds())
            return true
        }
        if isFirst { ControlThread.start { [self] in work() } }
    }

    /// Runs `body` in its turn. `nil` when it has not returned in time; it then runs, or goes on, later.
    func run<Result: Sendable>(
        _ operation: String, within timeout: Duration, _ body: @escaping @Sendable () -> Result
    ) async -> Result? {
        let outcome = Once<Result?>()
        submit(operation) { outcome.settle(body()) }
        return await outcome.value(within: timeout, or: nil)
    }

    private func work() {
        while true {
            let next: Job? = state.withLockedValue { state in
                guard !state.jobs.isEmpty else {
                    state.running = nil
                    return nil
                }
                let job = state.jobs.removeFirst()
                state.running = (job.operation, monotonicNanoseconds())
                return job
            }
            guard let next else { return }
            next.body()
        }
    }
}
