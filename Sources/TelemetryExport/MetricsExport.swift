package import Logging
import Synchronization
package import Telemetry
import Tracing

/// Sends the metrics of a runtime to a collector, all of them at each interval. Any thread.
///
/// Sums are cumulative: what a collector has not taken is in what it gets next, so nothing is queued. At most one reading is
/// in memory, and the metrics are read on a task of its own.
package final class MetricsExport: Sendable {
    package struct Limits: Sendable {
        /// As OpenTelemetry's reader has it.
        package var interval = Duration.seconds(60)
        /// Series in one message: with full histograms about a megabyte, a quarter of what collectors take.
        package var points = 1000
        package var retries = Retries()
        /// A collector that stays away is told of so often.
        package var warning = Duration.seconds(300)

        package init() {}
    }

    private struct State {
        var warned: ContinuousClock.Instant?
        var isFailing = false
        var running: Task<Void, Never>?
    }

    private let carrier: any Carrier
    private let resource: ExportResource
    private let limits: Limits
    private let logger: Logger
    private let start = wallNow()
    private let exports: MetricFamily<Counter>
    private let state = Mutex(State())
    private let read: Mutex<(@Sendable () async -> MetricSet)?> = Mutex(nil)

    package init(_ carrier: any Carrier, _ resource: ExportResource, limits: Limits = Limits(), registry: MetricsRegistry, logger: Logger) {
        self.carrier = carrier
        self.resource = resource
        self.limits = limits
        self.logger = logger
        exports = registry.counter(
            MetricDefinition(
                "octavo_metric_exports_total",
                help: "Messages with metrics to a collector: taken, partly (some series were refused), refused, or unreachable (given up until the next interval).",
                labels: ["result"], limit: 8))
    }

    /// Begins: `read` is asked at each interval.
    package func begin(_ read: @escaping @Sendable () async -> MetricSet) {
        self.read.withLock { $0 = read }
        let running = Task { [self] in await run(read) }
        state.withLock { $0.running = running }
    }

    private func run(_ read: @Sendable () async -> MetricSet) async {
        var next = ContinuousClock.now + limits.interval
        while !Task.isCancelled {
            guard (try? await Task.sleep(until: next, clock: .continuous)) != nil else { return }
            await send(await read(), limits.retries)
            // What was missed while the collector stayed away is not made up for.
            next = max(next + limits.interval, .now)
        }
    }

    /// Sends the metrics once more, for `limit` at most, and ends.
    package func end(within limit: Duration) async {
        let running = state.withLock { $0.running }
        running?.cancel()
        let read = read.withLock { $0 }
        // Not a group of tasks, which would wait for a request that nobody can give up.
        let (ends, over) = AsyncStream.makeStream(of: Void.self)
        let last = Task { [self] in
            await running?.value
            if let read {
                var retries = limits.retries
                retries.longest = .milliseconds(500)
                await send(await read(), retries)
            }
            over.finish()
        }
        let timer = Task {
            try? await Task.sleep(for: limit)
            last.cancel()
            over.finish()
        }
        for await _ in ends {}
        timer.cancel()
        await carrier.close()
    }

    private func send(_ set: MetricSet, _ retries: Retries) async {
        let messages = OTLPMetrics.messages(set, resource, OTLPMetrics.Times(start: start, now: wallNow()), limit: limits.points)
        for message in messages {
            let (outcome, attempts) = await retries.run { await carrier.send(message.bytes) }
            // The runtime ends: what is sent last has its own turn.
            guard attempts > 0 else { return }
            switch outcome {
            case .taken: count("taken")
            case .partly(let rejected, let cause):
                count("partly")
                warn("\(rejected) of \(message.points) series were refused: \(cause)")
            case .refused(let cause):
                count("refused")
                return warn("refused: \(cause)")
            case .again(let cause, _):
                count("unreachable")
                return warn("given up after \(attempts) attempts: \(cause)")
            }
        }
        let wasFailing = state.withLock { state in
            defer { state.isFailing = false }
            return state.isFailing
        }
        if wasFailing { logger.info("the collector takes metrics again") }
    }

    private func count(_ result: String) { exports.series(result).add() }

    /// At most once in a while, whatever goes wrong.
    private func warn(_ cause: String) {
        let isDue = state.withLock { state in
            state.isFailing = true
            if let warned = state.warned, ContinuousClock.now - warned < limits.warning { return false }
            state.warned = .now
            return true
        }
        if isDue { logger.warning("metrics were not exported", metadata: ["cause": "\(cause)"]) }
    }
}
