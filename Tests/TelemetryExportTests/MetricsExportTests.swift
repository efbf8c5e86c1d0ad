import Logging
import Synchronization
import Telemetry
import Testing

@testable import TelemetryExport

@Suite("Metrics are exported at intervals")
struct MetricsExportTests {
    /// Answers as it is told, then takes everything.
    private final class Place: Carrier {
        let answers: Mutex<[Delivery]>
        let taken = Mutex<[Int]>([])
        let isClosed = Atomic(false)
        private let hangs: Bool

        init(_ answers: [Delivery] = [], hangs: Bool = false) {
            self.answers = Mutex(answers)
            self.hangs = hangs
        }

        func send(_ message: [UInt8]) async -> Delivery {
            if hangs { await Task { try? await Task.sleep(for: .seconds(3600)) }.value }
            if let answer = answers.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) { return answer }
            taken.withLock { $0.append(message.count) }
            return .taken
        }

        func close() async { isClosed.store(true, ordering: .relaxed) }
    }

    private let resource = ExportResource(service: "a", version: "1")

    private func limits(interval: Duration = .seconds(3600), points: Int = 1000) -> MetricsExport.Limits {
        var limits = MetricsExport.Limits()
        limits.interval = interval
        limits.points = points
        limits.retries.first = .milliseconds(1)
        return limits
    }

    private func set(_ count: Int) -> MetricSet {
        var set = MetricSet()
        for metric in 0..<count {
            set.metric("m\(metric)", .gauge, help: "Help.")
            for series in 0..<3 { set.sample("m\(metric)", [("s", "\(series)")], 0.5) }
        }
        return set
    }

    private func exports(_ registry: MetricsRegistry, _ result: String) -> UInt64 {
        for metric in registry.read().metrics where metric.name == "octavo_metric_exports_total" {
            for point in metric.points where point.labels.first?.1 == result {
                if case .count(let count) = point.value { return count }
            }
        }
        return 0
    }

    @Test("series are cut into messages of a bounded size, none is lost or sent twice")
    func cut() {
        let times = OTLPMetrics.Times(start: 1, now: 2)
        for limit in [1, 2, 3, 4, 7, 100] {
            let messages = OTLPMetrics.messages(set(7), resource, times, limit: limit)
            #expect(messages.map(\.points).reduce(0, +) == 21 && messages.allSatisfy { $0.points <= limit && !$0.bytes.isEmpty })
            #expect(messages.dropLast().allSatisfy { $0.points == limit })
        }
        #expect(OTLPMetrics.messages(MetricSet(), resource, times, limit: 5).isEmpty)
    }

    @Test("a busy collector is asked again; the end sends once more and closes")
    func end() async {
        let registry = MetricsRegistry(loops: 1), place = Place([.again(cause: "busy"), .again(cause: "busy")])
        let export = MetricsExport(place, resource, limits: limits(points: 6), registry: registry, logger: Logger(label: "t"))
        export.begin { set(4) }
        await export.end(within: .seconds(20))
        #expect(place.taken.withLock { $0.count } == 2 && exports(registry, "taken") == 2 && place.isClosed.load(ordering: .relaxed))
    }

    @Test("at each interval; what is refused is counted")
    func intervals() async throws {
        let registry = MetricsRegistry(loops: 1)
        let place = Place([.refused(cause: "no"), .partly(rejected: 1, cause: "one"), .taken])
        let export = MetricsExport(place, resource, limits: limits(interval: .milliseconds(5)), registry: registry, logger: Logger(label: "t"))
        export.begin { set(1) }
        let deadline = ContinuousClock.now + .seconds(20)
        while exports(registry, "taken") < 2, ContinuousClock.now < deadline { try await Task.sleep(for: .milliseconds(5)) }
        #expect(exports(registry, "taken") >= 2 && exports(registry, "refused") == 1 && exports(registry, "partly") == 1)
        await export.end(within: .seconds(20))
    }

    @Test("a collector that never answers does not keep the end")
    func hanging() async {
        let place = Place(hangs: true)
        let export = MetricsExport(place, resource, limits: limits(), registry: MetricsRegistry(loops: 1), logger: Logger(label: "t"))
        export.begin { set(1) }
        let started = ContinuousClock.now
        await export.end(within: .milliseconds(50))
        #expect(ContinuousClock.now - started < .seconds(20) && place.isClosed.load(ordering: .relaxed))
    }

    @Test("what a collector's answer says of refused series is read; one that makes no sense is a plain yes")
    func partial() {
        func outcome(_ bytes: [UInt8]) -> Delivery { bytes.withUnsafeBytes { OTLPSignal.outcome($0) } }
        #expect(outcome([]) == .taken && outcome([0x0a, 0x00]) == .taken)
        #expect(outcome([0x0a, 0x06, 0x08, 0x03, 0x12, 0x02, 0x6e, 0x6f]) == .partly(rejected: 3, cause: "no"))
        #expect(outcome([0x0a, 0x7f, 0x08]) == .taken && outcome([0xff, 0xff]) == .taken)
    }
}
