import COctavo
package import Telemetry

/// A plugin as lists show it.
package struct PluginFacts: Sendable {
    package var id: String
    package var version: String
    package var path: String
    package var types: [String]
    package var state: String
    package var reason: String
    package var generation: Int
    package var unloadClass: String
    /// `nil` while it runs in this process.
    package var isolation: IsolatedPlugin.Facts?
    package var calls: UInt64
    package var errors: UInt64
    /// Completions that came too late or twice.
    package var staleCompletions: UInt64
    package var latency: HistogramSnapshot?
    package var components: [String]
    package var retired: [(generation: Int, reason: String)]
    package var loadedTypes: [PluginType]
    package var size: Int
    package var buildID: String
}

/// A component as lists show it.
package struct ComponentFacts: Sendable {
    package var name: String
    package var type: String
    package var version: String
    package var kind: Int32
    package var plugin: String
    package var generation: Int
    package var state: String
    package var reason: String
    /// Why its latest settings were refused; those before hold.
    package var refusal: String?
    package var since: Double
    package var startMode: ComponentDefinition.StartMode
    package var isReady: Bool
    /// A thread has been inside of the plugin for too long.
    package var isStalled: Bool
    /// How often that was so since the runtime's start.
    package var stalls: UInt64
    package var health: ComponentHealth
    package var lastError: String
    package var features: UInt64
    package var maxTransactionOps: UInt32
    package var calls: UInt64
    package var errors: UInt64
    package var inFlight: UInt64
    package var latency: HistogramSnapshot?
    package var source: String
}

extension ComponentStore {
    package func pluginFacts() -> [PluginFacts] {
        var facts = plugins.values.map { entry in
            let users = self.users(of: entry.inspection.id)
            let sums = users.map(\.counters)
            let latency = users.compactMap(\.latency).reduce(nil) { sum, one in sum.map { $0 + one } ?? one }
            var state = entry.current == nil ? "discovered" : "ready"
            var reason = entry.failure?.description ?? ""
            if entry.current == nil, let failure = entry.failure {
                if case .startFailed = failure { state = "failed" } else { state = "rejected" }
            } else if entry.isReloading {
                state = "restarting"
            } else if let isolated = entry.current?.isolationFacts, isolated.pid == 0 {
                state = isolated.isLooping ? "crash-looping" : "restarting"
                reason = isolated.lastEnd
            } else if let stall = users.lazy.compactMap(\.stall).first {
                state = "stalled"
                reason = "component \(stall.component): \(stall.reason)"
            } else if let sick = users.first(where: { $0.isDegraded }) {
                state = "degraded"
                reason = "component \(sick.definition.name): \(sick.instance?.health.current.reason ?? "")"
            } else if entry.current == nil, let last = entry.retired.last {
                state = "retired"
                reason = "generation \(last.generation) is still mapped: \(last.reason)"
            } else if let time = crashed.crash(of: entry.inspection), entry.current?.isIsolated == true {
                reason = CrashedPlugins.reason(time)
            }
            return PluginFacts(
                id: entry.inspection.id, version: entry.current?.version ?? entry.inspection.note?.version ?? "",
                path: entry.inspection.path,
                types: entry.current?.types.map(\.name) ?? entry.inspection.note?.types ?? [], state: state,
                reason: reason, generation: entry.current?.generation ?? 0,
                unloadClass: entry.inspection.unloadClass.rawValue, isolation: entry.current?.isolationFacts,
                calls: sums.reduce(0) { $0 + $1.calls }, errors: sums.reduce(0) { $0 + $1.errors },
                staleCompletions: entry.current.map { $0.stale.pointee } ?? 0,
                latency: latency, components: users.map(\.definition.name).sorted(), retired: entry.retired,
                loadedTypes: entry.current?.types ?? [], size: entry.inspection.size,
                buildID: entry.inspection.buildID)
        }
        for (path, error) in catalog.rejected {
            facts.append(
                PluginFacts(
                    id: PluginInspection.shortName(path), version: "", path: path, types: [], state: "rejected",
                    reason: error.description, generation: 0, unloadClass: "", isolation: nil, calls: 0, errors: 0, staleCompletions: 0,
                    latency: nil, components: [],
                    retired: [], loadedTypes: [], size: 0, buildID: ""))
        }
        return facts.sorted { ($0.id, $0.path) < ($1.id, $1.path) }
    }

    package func componentFacts() -> [ComponentFacts] {
        components.values.map { entry in
            let counters = entry.counters
            var health = entry.instance?.health.current ?? ComponentHealth()
            if entry.state == .failed || entry.state == .retrying {
                health.state = .unhealthy
                health.reason = entry.reason
                health.lastError = entry.lastError
            }
            let stall = entry.stall
            let state = stall != nil ? "stalled" : entry.isDegraded ? "degraded" : entry.state.rawValue
            return ComponentFacts(
                name: entry.definition.name, type: entry.definition.type, version: entry.definition.version,
                kind: entry.kind, plugin: entry.instance?.plugin.id ?? "",
                generation: entry.instance?.plugin.generation ?? 0, state: state,
                reason: stall?.reason ?? (entry.isDegraded ? health.reason : entry.reason),
                refusal: entry.refusal, since: entry.since, startMode: entry.definition.startMode,
                isReady: entry.state == .ready, isStalled: stall != nil, stalls: StallWatch.shared.count(of: entry.definition.name),
                health: health, lastError: health.lastError,
                features: entry.instance?.featureSet.bits ?? 0,
                maxTransactionOps: entry.instance?.featureSet.max_transaction_ops ?? 0, calls: counters.calls,
                errors: counters.errors, inFlight: counters.inFlight, latency: entry.latency,
                source: entry.definition.source)
        }.sorted { $0.name < $1.name }
    }

    /// What readiness waits for: required components that are not ready, with their reasons.
    package func notReady() -> [(component: String, reason: String)] {
        components.values.filter { $0.definition.startMode == .required && !$0.isLate && $0.state != .ready }
            .map { ($0.definition.name, $0.reason.isEmpty ? $0.state.rawValue : $0.reason) }
            .sorted { $0.0 < $1.0 }
    }
}
