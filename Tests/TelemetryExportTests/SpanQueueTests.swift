import Logging
import Synchronization
import Telemetry
import Testing
import Tracing

@testable import TelemetryExport

@Suite("Spans wait in a bounded queue")
struct SpanQueueTests {
    /// Takes, holds or refuses what it is sent, as it is told.
    private final class Place: SpanDestination {
        let name = "place"
        let answers: Mutex<[Delivery]>
        let taken = Mutex<[String]>([])
        let isOpen: AsyncStream<Void>
        private let gate: AsyncStream<Void>.Continuation
        let isClosed = Atomic(false)

        /// `answers`: for the first batches; those after them are taken. `held`: nothing is answered before `open`.
        init(_ answers: [Delivery] = [], held: Bool = false) {
            self.answers = Mutex(answers)
            (isOpen, gate) = AsyncStream.makeStream()
            if !held { gate.finish() }
        }

        func open() { gate.finish() }

        func send(_ spans: [Span]) async -> Delivery {
            // Not to be given up, as a request that was sent.
            await Task { [isOpen] in for await _ in isOpen {} }.value
            if let answer = answers.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) { return answer }
            taken.withLock { $0 += spans.map(\.name) }
            return .taken
        }

        func close() async { isClosed.store(true, ordering: .relaxed) }
    }

    private func span(_ name: String) -> Span {
        Span(
            context: TraceContext(traceHigh: 1, traceLow: 2, span: 3, isSampled: true), parent: 0, name: name, kind: .client, start: 1, end: 2,
            attributes: [], failure: nil)
    }

    private func count(_ registry: MetricsRegistry, _ sample: String) -> Int {
        let page = String(decoding: PrometheusText.page(registry.read()), as: UTF8.self)
        let line = page.split(separator: "\n").first { $0.hasPrefix(sample + " ") }
        return line.flatMap { Int($0.split(separator: " ").last ?? "") } ?? 0
    }

    private func limits(waiting: Int = 100, batch: Int = 10) -> SpanQueue.Limits {
        var limits = SpanQueue.Limits()
        limits.waiting = waiting
        limits.batch = batch
        limits.pause = .milliseconds(5)
        limits.retries.first = .milliseconds(1)
        return limits
    }

    @Test("what comes while it is full is dropped and counted, the rest is sent in its order, and the end waits for it")
    func full() async {
        let registry = MetricsRegistry(loops: 1), place = Place(held: true)
        let queue = SpanQueue(place, limits: limits(), figures: SpanFigures(registry), logger: Logger(label: "t"))
        // What the destination is being sent does not wait, so that up to two hundred are taken.
        for index in 0..<500 { queue.put(span("\(index)")) }
        let dropped = count(registry, #"octavo_spans_dropped_total{destination="place",reason="full"}"#)
        #expect(dropped >= 300 && dropped <= 400, "\(dropped)")
        place.open()
        await queue.end(within: .seconds(20))
        let taken = place.taken.withLock { $0 }
        #expect(taken.count == 500 - dropped && taken == taken.sorted { Int($0)! < Int($1)! })
        #expect(count(registry, #"octavo_spans_exported_total{destination="place"}"#) == taken.count && place.isClosed.load(ordering: .relaxed))
        queue.put(span("late"))
        #expect(count(registry, #"octavo_spans_dropped_total{destination="place",reason="full"}"#) == dropped + 1)
    }

    @Test("a busy place is asked again, one that refuses is not, and one that stays away is given up")
    func outcomes() async {
        let registry = MetricsRegistry(loops: 1)
        let again = Delivery.again(cause: "busy")
        let place = Place([again, again, .taken, .refused(cause: "no"), again, again, again, again, again])
        let queue = SpanQueue(place, limits: limits(batch: 1), figures: SpanFigures(registry), logger: Logger(label: "t"))
        for name in ["a", "b", "c", "d"] { queue.put(span(name)) }
        await queue.end(within: .seconds(20))
        #expect(place.taken.withLock { $0 } == ["d"])
        #expect(count(registry, #"octavo_spans_exported_total{destination="place"}"#) == 2)
        #expect(count(registry, #"octavo_spans_dropped_total{destination="place",reason="refused"}"#) == 1)
        #expect(count(registry, #"octavo_spans_dropped_total{destination="place",reason="unreachable"}"#) == 1)
    }

    @Test("the end does not wait longer than it may")
    func bounded() async {
        let place = Place(held: true)
        let queue = SpanQueue(place, limits: limits(), figures: SpanFigures(MetricsRegistry(loops: 1)), logger: Logger(label: "t"))
        queue.put(span("a"))
        let start = ContinuousClock.now
        await queue.end(within: .milliseconds(100))
        // Its destination would never answer; other tests keep the machine busy.
        #expect(ContinuousClock.now - start < .seconds(60))
    }
}

@Suite("Addresses of collectors")
struct ExportTargetTests {
    @Test(
        "are host and port, or URLs",
        arguments: [
            ("collector", false, "collector", 4317, "/p"), ("collector:99", false, "collector", 99, "/p"),
            ("http://collector", false, "collector", 4317, "/p"), ("https://collector:5/", true, "collector", 5, "/p"),
            ("https://collector/v1/x", true, "collector", 4317, "/v1/x"), ("[::1]:7", false, "::1", 7, "/p"), ("HTTP://[::1]/a", false, "::1", 4317, "/a"),
        ])
    func good(text: String, isSecure: Bool, host: String, port: Int, path: String) throws {
        let target = try ExportTarget(text, isSecure: false, port: 4317, path: "/p")
        #expect(target.host == host && target.port == port && target.path == path && target.isSecure == isSecure)
    }

    @Test("that make no sense are refused", arguments: ["", ":7", "host:0", "host:70000", "host:x", "ftp://host", "http://user:pw@host"])
    func bad(text: String) { #expect(throws: ExportTarget.Malformed.self) { try ExportTarget(text, isSecure: true, port: 1, path: "/") } }
}
