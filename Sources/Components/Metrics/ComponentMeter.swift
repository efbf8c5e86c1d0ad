import COctavo
package import Telemetry

/// How long the operations of one component took. Lives as long as the component: reloads change nothing.
///
/// Sendable: each row of `handles` is written and read by one event loop alone; the family has its own lock.
package final class ComponentMeter: @unchecked Sendable {
    private let family: MetricFamily<Histogram>
    private let component: String
    private let type: String
    private let kind: Int32
    private let operations: Int
    private let rows: Int
    /// By event loop and operation; looked up when a loop first needs it.
    private let handles: UnsafeMutablePointer<Histogram?>

    init(_ family: MetricFamily<Histogram>, component: String, type: String, kind: Int32, loops: Int) {
        self.family = family
        self.component = component
        self.type = type
        self.kind = kind
        rows = loops
        operations = octavo_kind_at(kind).map { Int($0.pointee.op_count) } ?? 0
        handles = .allocate(capacity: max(rows * operations, 1))
        handles.initialize(repeating: nil, count: rows * operations)
    }

    deinit {
        handles.deinitialize(count: rows * operations)
        handles.deallocate()
    }

    /// Records `count` calls that took so long. On event loop `loop`.
    func record(op: UInt32, nanoseconds: Int64, count: UInt64, loop: Int) {
        guard Int(op) < operations, loop < rows else { return }
        let place = handles + (loop * operations + Int(op))
        let histogram: Histogram
        if let known = place.pointee {
            histogram = known
        } else {
            histogram = family.series(component, type, name(op))
            place.pointee = histogram
        }
        histogram.record(UInt64(max(nanoseconds, 0)), MetricShard(loop: loop), count: count)
    }

    private func name(_ op: UInt32) -> String {
        octavo_kind_at(kind).map { String(cString: $0.pointee.ops[Int(op)].name) } ?? ""
    }

    /// All operations together; on any thread. `nil` before the first call.
    package var snapshot: HistogramSnapshot? {
        family.snapshot { $0.count == 3 && $0[0] == component && $0[1] == type }
    }

    /// The component is gone.
    func remove() { family.remove { $0.count == 3 && $0[0] == component && $0[1] == type } }
}

/// The metrics that components are measured by.
package struct ComponentMetrics: Sendable {
    private let calls: MetricFamily<Histogram>
    private let loops: Int

    package init(_ registry: MetricsRegistry, loops: Int) {
        self.loops = loops
        calls = registry.histogram(
            MetricDefinition(
                "octavo_component_call_seconds",
                help: "Time from handing a call to the component until its answer. Calls that an inline plugin answers "
                    + "at once are sampled, one in 16.",
                labels: ["component", "type", "operation"], limit: 512))
    }

    func meter(component: String, type: String, kind: Int32) -> ComponentMeter {
        ComponentMeter(calls, component: component, type: type, kind: kind, loops: loops)
    }
}
