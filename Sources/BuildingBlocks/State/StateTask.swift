import Components

/// A request to a state store under way, for its caller to give up on. Used on the event loop that made it.
package final class StateTask {
    private(set) var isCancelled = false
    private var handles: [CallHandle] = []
    private var series: CallSeries?

    func add(_ handle: CallHandle?) {
        if let handle { handles.append(handle) }
    }

    func add(_ series: CallSeries) { self.series = series }

    /// The caller has gone: what is under way is given up, nothing more is started, and nobody is told. No
    /// effect on a request that has ended.
    package func cancel() {
        isCancelled = true
        series?.cancel()
        series = nil
        for handle in handles { handle.cancel() }
        handles = []
    }
}

/// Many calls for one request, so many at a time. Used on one event loop.
final class CallSeries {
    private let count: Int
    private let parallelism: Int
    private var started = 0
    private var ended = 0
    private var isAdvancing = false
    private var start: ((Int) -> Void)?
    private var done: (() -> Void)?

    /// `start` begins the call with that index, whose end is told by `oneEnded`; `done` is called after the last.
    init(count: Int, parallelism: Int) {
        self.count = count
        self.parallelism = parallelism
    }

    func run(start: @escaping (Int) -> Void, done: @escaping () -> Void) {
        self.start = start
        self.done = done
        advance()
    }

    func oneEnded() {
        ended += 1
        advance()
    }

    func cancel() {
        start = nil
        done = nil
    }

    /// A loop, since a call may end before it returns: with one call inside the other, a long list would need
    /// as deep a stack.
    private func advance() {
        if isAdvancing { return }
        isAdvancing = true
        while let start, started < count, started - ended < parallelism {
            started += 1
            start(started - 1)
        }
        isAdvancing = false
        guard ended == count, let done else { return }
        cancel()
        done()
    }
}
