package import Logging
import Synchronization
package import Telemetry
package import Tracing

/// Where batches of spans go.
package protocol SpanDestination: Sendable {
    /// In a word, for metrics and the log: `otlp`, `zipkin`, `stdout`.
    var name: String { get }
    /// Returns when the batch was taken, refused, or the destination's own timeout is over.
    func send(_ spans: [Span]) async -> Delivery
    /// Nothing is sent any more.
    func close() async
}

/// What is counted of spans, by destination.
package struct SpanFigures: Sendable {
    private let exported: MetricFamily<Counter>
    private let dropped: MetricFamily<Counter>

    package init(_ registry: MetricsRegistry) {
        exported = registry.counter(
            MetricDefinition("octavo_spans_exported_total", help: "Spans that a collector has taken.", labels: ["destination"], limit: 8))
        dropped = registry.counter(
            MetricDefinition(
                "octavo_spans_dropped_total", help: "Spans that were lost: full (too many waited), refused, or unreachable (given up after retries).",
                labels: ["destination", "reason"], limit: 32))
    }

    func exported(_ destination: String) -> Counter { exported.series(destination) }
    func dropped(_ destination: String, _ reason: String) -> Counter { dropped.series(destination, reason) }
}

/// Spans on their way to one destination: a queue of bounded length, emptied in batches by a task of its own. While the
/// destination is slow or gone the newest are dropped and counted; whoever puts spans in never waits. Any thread.
package final class SpanQueue: SpanSink {
    /// As OpenTelemetry's batch processor has them.
    package struct Limits: Sendable {
        package var waiting = 2048
        package var batch = 512
        package var pause = Duration.seconds(1)
        /// For one batch.
        package var retries = Retries()

        package init() {}
    }

    private struct State {
        var waiting: [Span] = []
        var isEnding = false
    }

    private let destination: any SpanDestination
    private let limits: Limits
    private let state = Mutex(State())
    private let wakes: AsyncStream<Void>
    private let wake: AsyncStream<Void>.Continuation
    private let exported: Counter
    private let full: Counter
    private let refused: Counter
    private let unreachable: Counter
    private let logger: Logger
    private let task = Mutex<Task<Void, Never>?>(nil)

    package init(_ destination: any SpanDestination, limits: Limits = Limits(), figures: SpanFigures, logger: Logger) {
        self.destination = destination
        self.limits = limits
        self.logger = logger
        (wakes, wake) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        exported = figures.exported(destination.name)
        full = figures.dropped(destination.name, "full")
        refused = figures.dropped(destination.name, "refused")
        unreachable = figures.dropped(destination.name, "unreachable")
        let running = Task { [self] in await run() }
        task.withLock { $0 = running }
    }

    package func put(_ span: Span) {
        let count = state.withLock { state in
            guard state.waiting.count < limits.waiting, !state.isEnding else { return 0 }
            state.waiting.append(span)
            return state.waiting.count
        }
        if count == 0 { full.add() } else if count == limits.batch { wake.yield() }
    }

    /// Sends what waits, at most for `limit`, and ends. What is put in afterwards is dropped.
    package func end(within limit: Duration) async {
        state.withLock { $0.isEnding = true }
        wake.yield()
        let running = task.withLock { $0 }
        // Not a group of tasks, which would wait for a request that nobody can give up.
        let (ends, over) = AsyncStream.makeStream(of: Void.self)
        let timer = Task {
            try? await Task.sleep(for: limit)
            running?.cancel()
            over.finish()
        }
        Task {
            await running?.value
            over.finish()
        }
        for await _ in ends {}
        timer.cancel()
        // What is under way fails.
        await destination.close()
    }

    private func run() async {
        // A timer wakes it, too; one stream, so that a full queue need not wait for the next turn of the clock.
        let clock = Task { [wake, pause = limits.pause] in
            while !Task.isCancelled {
                try? await Task.sleep(for: pause)
                wake.yield()
            }
        }
        defer { clock.cancel() }
        for await _ in wakes {
            while true {
                // All at once, so that no span is copied under the lock; with what waits meanwhile it is twice the limit at most.
                let taken = state.withLock { state in
                    var taken: [Span] = []
                    swap(&taken, &state.waiting)
                    return taken
                }
                if taken.isEmpty { break }
                var start = 0
                while start < taken.count {
                    let end = min(start + limits.batch, taken.count)
                    await send(Array(taken[start..<end]))
                    start = end
                }
            }
            if state.withLock({ $0.isEnding && $0.waiting.isEmpty }) { return }
        }
    }

    private func send(_ batch: [Span]) async {
        let count = UInt64(batch.count)
        let (outcome, attempts) = await limits.retries.run { await destination.send(batch) }
        func tell(_ what: Logger.Message, _ cause: String, _ count: UInt64) {
            logger.warning(what, metadata: ["destination": "\(destination.name)", "cause": "\(cause)", "spans": "\(count)"])
        }
        switch outcome {
        case .taken: exported.add(count)
        case .partly(let rejected, let cause):
            exported.add(count - min(rejected, count))
            refused.add(min(rejected, count))
            tell("spans were refused", cause, rejected)
        case .refused(let cause):
            refused.add(count)
            tell("spans were refused", cause, count)
        case .again(let cause, _):
            unreachable.add(count)
            if attempts == limits.retries.attempts { tell("spans were lost after \(attempts) attempts", cause, count) }
        }
    }
}

/// Gives spans to several.
package struct SpanFanOut: SpanSink {
    private let queues: [SpanQueue]

    package init(_ queues: [SpanQueue]) { self.queues = queues }

    package func put(_ span: Span) { for queue in queues { queue.put(span) } }
}
