import ProtoWire
import Telemetry
import Tracing

/// Metrics as `ExportMetricsServiceRequest`s of OTLP (opentelemetry-proto, metrics/v1). The writer goes backwards, so fields
/// come from the last to the first.
///
/// Names stay as they are on the metrics page and no unit is given, for a collector that writes them for Prometheus would
/// put units behind them.
enum OTLPMetrics {
    /// Nanoseconds since 1970: since when sums count, and when they were read.
    struct Times {
        let start: UInt64
        let now: UInt64
    }

    /// With at most `limit` series each, so that none is more than a collector takes.
    static func messages(_ set: MetricSet, _ resource: ExportResource, _ times: Times, limit: Int) -> [(points: Int, bytes: [UInt8])] {
        var messages: [(points: Int, bytes: [UInt8])] = []
        var parts: [(metric: MetricSet.Metric, points: ArraySlice<MetricSet.Point>)] = []
        var count = 0
        func flush() {
            guard count > 0 else { return }
            messages.append((count, message(parts, resource, times)))
            (parts, count) = ([], 0)
        }
        for metric in set.metrics {
            var rest = metric.points[...]
            while !rest.isEmpty {
                let part = rest.prefix(limit - count)
                parts.append((metric, part))
                count += part.count
                rest = rest.dropFirst(part.count)
                if count == limit { flush() }
            }
        }
        flush()
        return messages
    }

    private static func message(
        _ parts: [(metric: MetricSet.Metric, points: ArraySlice<MetricSet.Point>)], _ resource: ExportResource, _ times: Times
    ) -> [UInt8] {
        ProtoWriter.with({ request in
            request.nested(1) { resourceMetrics in
                resourceMetrics.nested(2) { scopeMetrics in
                    for part in parts.reversed() { scopeMetrics.nested(2) { write(part.metric, part.points, times, &$0) } }
                    resource.writeScope(1, &scopeMetrics)
                }
                resource.write(1, &resourceMetrics)
            }
        }, use: { Array($0) })
    }

    private static func write(
        _ metric: MetricSet.Metric, _ points: ArraySlice<MetricSet.Point>, _ times: Times, _ out: inout ProtoWriter
    ) {
        let cumulative: Int32 = 2
        switch metric.kind {
        case .counter:
            out.nested(7) { sum in
                sum.bool(3, true)
                sum.int32(2, cumulative)
                for point in points.reversed() { sum.nested(1) { write(number: point, times, &$0) } }
            }
        case .gauge:
            out.nested(5) { gauge in
                for point in points.reversed() { gauge.nested(1) { write(number: point, times, &$0) } }
            }
        case .histogram:
            out.nested(9) { histogram in
                histogram.int32(2, cumulative)
                for point in points.reversed() { histogram.nested(1) { write(histogram: point, times, &$0) } }
            }
        }
        out.string(2, metric.help)
        out.string(1, metric.name)
    }

    private static func write(number point: MetricSet.Point, _ times: Times, _ out: inout ProtoWriter) {
        attributes(point, 7, &out)
        switch point.value {
        case .count(let value): out.sfixed64(6, Int64(clamping: value), always: true)
        case .level(let value): out.sfixed64(6, value, always: true)
        case .number(let value): out.double(4, value, always: true)
        case .histogram: break
        }
        out.fixed64(3, times.now)
        out.fixed64(2, times.start)
    }

    private static func write(histogram point: MetricSet.Point, _ times: Times, _ out: inout ProtoWriter) {
        guard case .histogram(let snapshot) = point.value else { return }
        let shown = snapshot.shown
        attributes(point, 9, &out)
        out.doubles(7, shown.bounds)
        out.fixed64s(6, shown.counts)
        out.double(5, shown.sum, always: true)
        // That of the buckets, so that a point never contradicts itself.
        out.fixed64(4, shown.counts.reduce(0, &+))
        out.fixed64(3, times.now)
        out.fixed64(2, times.start)
    }

    private static func attributes(_ point: MetricSet.Point, _ number: UInt32, _ out: inout ProtoWriter) {
        for (name, value) in point.labels.reversed() { ExportResource.write(SpanAttribute(name, value), number, &out) }
    }
}
