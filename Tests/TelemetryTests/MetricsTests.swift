import Telemetry
import Testing

@Suite struct MetricsTests {
    private func page(_ registry: MetricsRegistry) -> [String] {
        String(decoding: PrometheusText.page(registry.read()), as: UTF8.self).split(separator: "\n").map(String.init)
    }

    @Test("the page is what Prometheus reads, with everything escaped")
    func writesText() {
        let registry = MetricsRegistry(loops: 2, constantLabels: [("app_id", "a\"b")])
        let calls = registry.counter(
            MetricDefinition("calls_total", help: "Calls\\so\nfar.", labels: ["component", "success"]))
        let depth = registry.gauge(MetricDefinition("queue_depth", help: "Waiting."))
        _ = registry.counter(MetricDefinition("unused_total", help: "Never.", labels: ["x"]))
        calls.series("or\\ders", "true").add(3, MetricShard(loop: 0))
        calls.series("or\\ders", "true").add(4, MetricShard(loop: 1))
        calls.series("or\\ders", "true").add()
        calls.series("line\nfeed", "false").add()
        depth.series().add(5, MetricShard(loop: 1))
        depth.series().add(-7, MetricShard(loop: 0))
        registry.collect {
            $0.metric("up", .gauge, help: "Up."); $0.sample("up", [], 0.5)
        }
        #expect(
            page(registry) == [
                "# HELP calls_total Calls\\\\so\\nfar.", "# TYPE calls_total counter",
                "calls_total{app_id=\"a\\\"b\",component=\"or\\\\ders\",success=\"true\"} 8",
                "calls_total{app_id=\"a\\\"b\",component=\"line\\nfeed\",success=\"false\"} 1",
                "# HELP queue_depth Waiting.", "# TYPE queue_depth gauge", "queue_depth{app_id=\"a\\\"b\"} -2",
                "# HELP up Up.", "# TYPE up gauge", "up 0.5",
            ])
    }

    @Test("a histogram's buckets add up, and its bounds are inclusive")
    func histograms() {
        let registry = MetricsRegistry(loops: 1)
        let family = registry.histogram(
            MetricDefinition("took_ms", help: "Took."),
            scale: HistogramScale(bounds: [1_000_000, 5_000_000], divisor: 1e6))
        let series = family.series()
        for value: UInt64 in [0, 1_000_000, 1_000_001, 5_000_000, 5_000_001, .max >> 20] {
            series.record(value, MetricShard(loop: 0))
        }
        #expect(
            page(registry) == [
                "# HELP took_ms Took.", "# TYPE took_ms histogram", "took_ms_bucket{le=\"1\"} 2",
                "took_ms_bucket{le=\"5\"} 4", "took_ms_bucket{le=\"+Inf\"} 6", "took_ms_sum 17592198.044417",
                "took_ms_count 6",
            ])
    }

    @Test("every value falls into the first bucket whose bound holds it", arguments: [1, 2, 3] as [UInt64])
    func findsBuckets(seed: UInt64) {
        var random = SplitMix(state: seed)
        for scale in [
            HistogramScale.latency, .daprLatency, .size, HistogramScale(bounds: [0, 1, 3, 7, .max], divisor: 1),
        ] {
            let registry = MetricsRegistry(loops: 0)
            let series = registry.histogram(MetricDefinition("x", help: ""), scale: scale).series()
            for _ in 0..<2000 {
                let value = UInt64.random(in: 0 ... .max >> UInt64.random(in: 0...63, using: &random), using: &random)
                let before = series.snapshot().counts
                series.record(value)
                let after = series.snapshot().counts
                let hit = after.indices.first { after[$0] != before[$0] }
                #expect(hit == scale.bounds.firstIndex { $0 >= value } ?? scale.bounds.count, "seed \(seed), \(value)")
            }
        }
    }

    @Test("latencies reach from a microsecond to a minute, and a quantile is at most a quarter off")
    func quantiles() {
        let bounds = HistogramScale.latency.bounds
        #expect(bounds.first == 1_000 && bounds.last! >= 60_000_000_000)
        #expect(zip(bounds, bounds.dropFirst()).allSatisfy { Double($1) / Double($0) <= 1.25 })
        let series = MetricsRegistry(loops: 0).histogram(MetricDefinition("x", help: "")).series()
        #expect(series.snapshot().quantile(0.5) == nil)
        for value: UInt64 in 1...1000 { series.record(value * 10_000) }
        for (share, exact) in [(0.0, 10_000), (0.5, 5_000_000), (0.99, 9_900_000), (1.0, 10_000_000)] {
            let found = Double(series.snapshot().quantile(share)!)
            #expect(found >= Double(exact) && found <= Double(exact) * 1.25)
        }
    }

    @Test("label values beyond the limit share one series, and are counted")
    func boundsSeries() {
        let registry = MetricsRegistry(loops: 0)
        let family = registry.counter(MetricDefinition("x_total", help: "X.", labels: ["path"], limit: 2))
        for path in ["/a", "/b", "/c", "/d", "/a"] { family.series(path).add() }
        let lines = page(registry)
        #expect(lines.contains("x_total{path=\"/a\"} 2"))
        #expect(lines.contains("x_total{path=\"other\"} 2"))
        #expect(!lines.contains { $0.contains("/c") })
        #expect(lines.contains("octavo_metrics_series_refused_total{metric=\"x_total\"} 2"))
        family.remove("/a")
        #expect(!page(registry).contains { $0.contains("\"/a\"") })
    }

    @Test("nothing is lost when every shard records at once")
    func recordsInParallel() async {
        let registry = MetricsRegistry(loops: 4)
        let counter = registry.counter(MetricDefinition("x_total", help: "X.")).series()
        let histogram = registry.histogram(MetricDefinition("y", help: "Y.")).series()
        await withTaskGroup(of: Void.self) { group in
            for task in 0..<8 {
                group.addTask {
                    let shard = task < 4 ? MetricShard(loop: task) : .shared
                    for value: UInt64 in 0..<50_000 {
                        counter.add(1, shard)
                        histogram.record(value, shard)
                    }
                }
            }
        }
        #expect(counter.value == 400_000)
        #expect(histogram.snapshot().count == 400_000)
    }

    private final class Named: SeriesGroup {
        let name: String

        init(_ name: String, _ counters: [Counter], _ histograms: [Histogram]) {
            self.name = name
            super.init(counters, histograms, MetricShard(loop: 1))
        }
    }

    @Test("series that are recorded together count as one by one, and outlive their family's page")
    func groups() {
        let one = MetricsRegistry(loops: 2), other = MetricsRegistry(loops: 2)
        func series(_ registry: MetricsRegistry) -> (Counter, Histogram, Histogram) {
            (
                registry.counter(MetricDefinition("a", help: "")).series(), registry.histogram(MetricDefinition("b", help: "")).series(),
                registry.histogram(MetricDefinition("c", help: ""), scale: .daprLatency).series()
            )
        }
        let handles = series(one), shard = MetricShard(loop: 1)
        var last = LastSeries<Named>()
        let none = last.record(7, if: { _ in true })
        #expect(!none)
        do {
            let (counter, first, second) = series(other)
            last.keep(Named("first", [], []))
            last.keep(Named("x", [counter], [first, second]))
        }
        var random = SplitMix(state: 4)
        for _ in 0..<5000 {
            let value = UInt64.random(in: 0...UInt64.max >> UInt64.random(in: 20...63), using: &random)
            handles.0.add(1, shard)
            handles.1.record(value, shard)
            handles.2.record(value, shard)
            let fits = last.record(value, if: { $0.name == "x" }), misses = last.record(value, if: { $0.name == "first" })
            #expect(fits && !misses)
        }
        #expect(page(one) == page(other))
    }

    @Test("the process' own figures are there and plausible")
    func processFigures() throws {
        var set = MetricSet()
        ProcessMetrics.write(&set)
        let lines = String(decoding: PrometheusText.page(set), as: UTF8.self).split(separator: "\n")
        func value(_ name: String) throws -> Double {
            let line = try #require(lines.first { $0.hasPrefix(name + " ") })
            return try #require(Double(line.dropFirst(name.count + 1)))
        }
        #expect(try value("process_resident_memory_bytes") > 1_048_576)
        #expect(try value("process_virtual_memory_bytes") >= value("process_resident_memory_bytes"))
        #expect(try value("process_open_fds") >= 1)
        #expect(try value("process_max_fds") > value("process_open_fds"))
        #expect(try value("process_threads") >= 1)
        #expect(try value("process_cpu_seconds_total") >= 0)
        #expect(try value("process_start_time_seconds") > 1_600_000_000)
    }
}

/// A small generator whose sequence a seed decides.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
