import BuildingBlocks
import Components
import Governance
import Resources
import Synchronization
import Telemetry

/// What policies have done, under Dapr's names with its labels. Source: Dapr's resiliency metrics. Looked up when somebody reads.
final class ResiliencyMetrics: Sendable {
    private let appID: String
    private let namespace: String
    /// Targets that have series of their own; the others are `other` together, since callers choose the names of apps.
    private let named = Mutex<Set<String>>([])

    private static let limit = 256

    init(appID: String, namespace: String) {
        self.appID = appID
        self.namespace = namespace
    }

    /// What tells series apart.
    private struct Key: Hashable {
        var resource: String
        var policy: String
        var direction: String
        var target: String
        var status = ""
    }

    /// A metric that is put together.
    private struct Sums {
        private(set) var order: [Key] = []
        private(set) var values: [Key: Int] = [:]

        mutating func add(_ value: Int, _ key: Key) {
            if values[key] == nil { order.append(key) }
            values[key, default: 0] += value
        }
    }

    func write(
        _ governors: [Governor], _ set: PolicySet, _ components: [ComponentFacts], _ subscriptions: [SubscriptionDirectory.Summary], _ page: inout MetricSet
    ) {
        var counts = Sums(), activations = Sums(), states = Sums()
        let now = monotonicNanoseconds()
        let types = Dictionary(components.map { ($0.name, $0.type) }) { first, _ in first }
        for governor in governors {
            count(governor.policy, governor.snapshot(now: now), target(governor.target, types), &counts, &activations, &states)
        }
        for (component, totals) in Dictionary(grouping: subscriptions, by: \.series.pubsub).sorted(by: { $0.key < $1.key }) {
            let delivered = totals.reduce(0) { $0 + Int(clamping: $1.totals.delivered) }, retried = totals.reduce(0) { $0 + Int(clamping: $1.totals.retried) }
            let type = types[component] ?? "pubsub.", policy = set.inbound(component, type: type)
            let name = bounded("\(PolicySet.word(type))_\(component)")
            func key(_ resource: String, _ policy: String) -> Key { Key(resource: resource, policy: policy, direction: "inbound", target: name) }
            if let timeout = policy.timeout { counts.add(delivered, key(timeout.origin.name, "timeout")) }
            if let retry = policy.retry {
                counts.add(delivered, key(retry.origin.name, "retry"))
                activations.add(retried, key(retry.origin.name, "retry"))
            }
        }
        if !set.isEmpty {
            page.metric("dapr_resiliency_loaded", .counter, help: "Resiliency resources that are loaded.")
            for name in set.names { page.sample("dapr_resiliency_loaded", [("app_id", appID), ("name", name), ("namespace", namespace)], 1) }
        }
        write(counts, "dapr_resiliency_count", .counter, "Times that a policy was applied.", &page)
        write(activations, "dapr_resiliency_activations_total", .counter, "Times that a policy has acted: on a failure, or by a change of its state.", &page)
        write(states, "dapr_resiliency_cb_state", .gauge, "1 for the state that the circuit breaker is in.", &page)
    }

    /// Of calls that go out.
    private func count(
        _ policy: CallPolicy, _ snapshot: Governor.Snapshot, _ target: String, _ counts: inout Sums, _ activations: inout Sums, _ states: inout Sums
    ) {
        func key(_ resource: String, _ policy: String, _ status: String = "") -> Key {
            Key(resource: resource, policy: policy, direction: "outbound", target: target, status: status)
        }
        if let timeout = policy.timeout {
            counts.add(snapshot.totals.calls, key(timeout.origin.name, "timeout"))
            activations.add(snapshot.totals.timeouts, key(timeout.origin.name, "timeout"))
        }
        if let retry = policy.retry {
            counts.add(snapshot.totals.calls, key(retry.origin.name, "retry"))
            activations.add(snapshot.totals.retries, key(retry.origin.name, "retry"))
        }
        guard let breaker = policy.breaker else { return }
        for state in CircuitBreaker.State.allCases {
            let key = key(breaker.origin.name, "circuitbreaker", state.rawValue)
            if let calls = snapshot.breakerCalls?[state], calls > 0 { counts.add(calls, key) }
            if let changes = snapshot.breakerChanges?[state], changes > 0 { activations.add(changes, key) }
            states.add(snapshot.breaker == state ? 1 : 0, key)
        }
        states.add(snapshot.breaker == nil ? 1 : 0, key(breaker.origin.name, "circuitbreaker", "unknown"))
    }

    /// `app_shop`, `Statestore_orders`, from `app/shop`, `component/orders/outbound`. Source: Dapr's names of targets.
    private func target(_ name: String, _ types: [String: String]) -> String {
        if name.hasPrefix("app/") { return bounded("app_\(name.dropFirst(4))") }
        let component = String(name.dropFirst("component/".count).dropLast("/outbound".count))
        return bounded("\(types[component].map(PolicySet.word) ?? "component")_\(component)")
    }

    private func bounded(_ target: String) -> String {
        named.withLock { named in
            if named.contains(target) { return target }
            guard named.count < Self.limit else { return "other" }
            named.insert(target)
            return target
        }
    }

    private func write(_ sums: Sums, _ name: String, _ kind: MetricSet.Kind, _ help: String, _ page: inout MetricSet) {
        guard !sums.order.isEmpty else { return }
        page.metric(name, kind, help: help)
        for key in sums.order {
            page.sample(
                name,
                [
                    ("app_id", appID), ("name", key.resource), ("policy", key.policy), ("namespace", namespace), ("flow_direction", key.direction),
                    ("target", key.target), ("status", key.status),
                ], Double(sums.values[key] ?? 0))
        }
    }
}
