import COctavo
package import Telemetry

/// How long the operations of one component took. Lives as long as the component: reloads change nothing.
///
/// Sendable: each row of `handles` is written and read by one event loop alone; the family has its own lock.
package final class ComponentMeter: @unchecked Sendable {
    private let family: MetricFamily<Histogram>
    private let named: NamedComponentFamilies?
    private let isNamed: Bool
    private let component: String
    private let type: String
    private let kind: Int32
    private let operations: Int
    private let rows: Int
    /// By event loop and operation; looked up when a loop first needs it.
    private let handles: UnsafeMutablePointer<Histogram?>
    /// The same under Dapr's names: those that went well, and those that failed.
    private let namedHandles: UnsafeMutablePointer<Unmanaged<NamedComponentFamilies.Series>?>

    init(_ family: MetricFamily<Histogram>, named: NamedComponentFamilies?, component: String, type: String, kind: Int32, loops: Int) {
        self.family = family
        self.named = named
        isNamed = named != nil
        self.component = component
        self.type = type
        self.kind = kind
        rows = loops
        operations = octavo_kind_at(kind).map { Int($0.pointee.op_count) } ?? 0
        handles = .allocate(capacity: max(rows * operations, 1))
        handles.initialize(repeating: nil, count: rows * operations)
        namedHandles = .allocate(capacity: max(rows * operations * 2, 1))
        namedHandles.initialize(repeating: nil, count: rows * operations * 2)
    }

    deinit {
        handles.deinitialize(count: rows * operations)
        handles.deallocate()
        for index in 0..<rows * operations * 2 { namedHandles[index]?.release() }
        namedHandles.deallocate()
    }

    /// Records `count` calls that took so long. On event loop `loop`.
    func record(op: UInt32, nanoseconds: Int64, count: UInt64, failed: Bool, loop: Int) {
        guard Int(op) < operations, loop < rows else { return }
        series(op, failed, loop)?._withUnsafeGuaranteedRef {
            $0.latency.record(UInt64(max(nanoseconds, 0)), MetricShard(loop: loop), count: count)
        }
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

    /// Counts one call that has ended, measured or not. On event loop `loop`.
    @inline(__always)
    func ended(op: UInt32, failed: Bool, loop: Int) {
        guard isNamed else { return }
        series(op, failed, loop)?._withUnsafeGuaranteedRef { $0.count.add(1, MetricShard(loop: loop)) }
    }

    private func series(_ op: UInt32, _ failed: Bool, _ loop: Int) -> Unmanaged<NamedComponentFamilies.Series>? {
        guard Int(op) < operations, loop < rows else { return nil }
        let place = namedHandles + (loop * operations + Int(op)) * 2 + (failed ? 1 : 0)
        if let known = place.pointee { return known }
        guard let named else { return nil }
        place.pointee = Unmanaged.passRetained(named.series(component, operation: name(op), failed: failed))
        return place.pointee
    }

    private func name(_ op: UInt32) -> String {
        octavo_kind_at(kind).map { String(cString: $0.pointee.ops[Int(op)].name) } ?? ""
    }

    /// All operations together; on any thread. `nil` before the first call.
    package var snapshot: HistogramSnapshot? {
        family.snapshot { $0.count == 3 && $0[0] == component && $0[1] == type }
    }

    /// The component is gone.
    func remove() {
        named?.remove(component)
        family.remove { $0.count == 3 && $0[0] == component && $0[1] == type }
    }
}

/// The metrics that components are measured by.
package struct ComponentMetrics: Sendable {
    private let calls: MetricFamily<Histogram>
    private let loops: Int
    private let named: [Int32: NamedComponentFamilies]

    /// `names`: what metrics under Dapr's names say of this runtime; nil: there are none.
    package init(_ registry: MetricsRegistry, loops: Int, named names: NamedComponentFamilies.Names? = nil) {
        self.loops = loops
        named = names.map { NamedComponentFamilies.all(registry, $0) } ?? [:]
        calls = registry.histogram(
            MetricDefinition(
                "octavo_component_call_seconds",
                help: "Time from handing a call to the component until its answer. Calls that an inline plugin answers "
                    + "at once are sampled, one in 16.",
                labels: ["component", "type", "operation"], limit: 512))
    }

    func meter(component: String, type: String, kind: Int32) -> ComponentMeter {
        ComponentMeter(calls, named: named[kind], component: component, type: type, kind: kind, loops: loops)
    }
}
