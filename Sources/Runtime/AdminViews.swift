import AdminAPI
import BuildingBlocks
import COctavo
import Components
import Telemetry

/// What the store knows, in the form that the admin API shows.
enum AdminViews {
    static func summary(_ facts: PluginFacts) -> PluginSummary {
        var summary = PluginSummary(
            name: facts.id, version: facts.version.isEmpty ? nil : facts.version, types: facts.types, path: facts.path,
            state: PluginSummary.State(rawValue: facts.state), reason: facts.reason.isEmpty ? nil : facts.reason,
            generation: facts.generation, mode: facts.generation == 0 ? nil : facts.isolation == nil ? .inProcess : .isolated,
            unloadClass: facts.unloadClass.isEmpty ? nil : PluginSummary.UnloadClass(rawValue: facts.unloadClass),
            processID: facts.isolation.map { Int($0.pid) }, restarts: facts.isolation?.restarts,
            componentCount: facts.components.count,
            statistics: CallStatistics(
                calls: Int64(facts.calls), errors: Int64(facts.errors), p50Nanoseconds: quantile(facts.latency, 0.5),
                p99Nanoseconds: quantile(facts.latency, 0.99)),
            oldGenerations: facts.retired.map {
                OldGeneration(generation: $0.generation, state: "mapped", reason: $0.reason)
            })
        guard let isolation = facts.isolation else { return summary }
        summary.isolationReason = isolation.reason
        summary.memoryBytes = Int64(isolation.memory)
        summary.openDescriptors = isolation.descriptors
        summary.limits = isolation.limits
        summary.spares = isolation.spares
        summary.group = isolation.group
        guard !isolation.processes.isEmpty else { return summary }
        summary.helpers = isolation.processes.map {
            PluginSummary.Helper(component: $0.component, processID: Int($0.pid), memoryBytes: Int64($0.memory))
        }
        return summary
    }

    static func description(_ facts: PluginFacts) -> PluginDescription {
        PluginDescription(
            summary: summary(facts), buildID: facts.buildID.isEmpty ? nil : facts.buildID, fileBytes: Int64(facts.size),
            types: facts.loadedTypes.map(type))
    }

    private static func type(_ type: PluginType) -> ComponentType {
        ComponentType(
            name: type.name, version: type.version, kind: kindName(type.kind), title: optional(type.schema.title),
            description: optional(type.schema.description), maturity: optional(type.schema.maturity),
            execution: type.executionName, features: Capabilities.words(kind: type.kind, features: type.features),
            fields: type.schema.fields.map { field in
                SchemaField(
                    name: field.name, aliases: field.aliases, type: field.typeName, required: field.isRequired,
                    defaultValue: field.defaultText, allowedValues: field.allowed,
                    description: optional(field.description), example: optional(field.example),
                    sensitive: field.isSensitive, hot: field.isHot, successor: optional(field.deprecatedBy),
                    profile: optional(field.profile))
            })
    }

    private static func optional(_ text: String) -> String? { text.isEmpty ? nil : text }

    private static func kindName(_ kind: Int32) -> String {
        octavo_kind_at(kind).map { String(cString: $0.pointee.name) } ?? "unknown"
    }

    static func summary(_ facts: ComponentFacts) -> ComponentSummary {
        var state = ComponentSummary.State(rawValue: facts.state)
        if facts.state == "retrying" { state = .starting }
        return ComponentSummary(
            name: facts.name, type: facts.type, version: facts.version, plugin: optional(facts.plugin),
            generation: facts.generation, state: state, reason: optional(facts.reason),
            refusedChange: facts.refusal, startMode: facts.startMode == .lazy ? "on first use" : "at start",
            health: AdminAPI.ComponentHealth(
                state: facts.health.state.rawValue, reason: optional(facts.health.reason),
                lastError: optional(facts.health.lastError),
                sinceUnixMilliseconds: Int64(facts.health.since * 1000)),
            features: Capabilities.words(of: facts),
            statistics: CallStatistics(
                calls: Int64(facts.calls), errors: Int64(facts.errors), open: Int64(facts.inFlight),
                p50Nanoseconds: quantile(facts.latency, 0.5), p99Nanoseconds: quantile(facts.latency, 0.99)))
    }

    private static func quantile(_ latency: HistogramSnapshot?, _ share: Double) -> Int64? {
        latency?.quantile(share).map { Int64($0) }
    }

    static func error(_ error: StoreError) -> AdminError {
        switch error {
        case .noSuchComponent, .plugin(.notFound): AdminError(.notFound, error.description)
        case .plugin(.duplicatePlugin), .plugin(.duplicateType), .plugin(.changedSinceLoaded), .duplicateComponent, .pluginInUse, .busy:
            AdminError(.conflict, error.description)
        case .plugin, .otherPlugin, .replacementFailed, .changeRefused: AdminError(.rejected, error.description)
        }
    }

    static func error(_ failure: StateFailure) -> AdminError {
        switch failure {
        case .notConfigured: AdminError(.notFound, "There is no state store; add one to the resources.")
        case .notFound(let store): AdminError(.notFound, "There is no state store \(store); see `octavo component list`.")
        case .illegalKey(_, let key): AdminError(.invalid, "The key \(key) holds ||, which separates prefixes.")
        case .emptyKey: AdminError(.invalid, "The key is empty.")
        case .tooLarge(let store, _, let bytes, let limit):
            AdminError(.tooLarge, "The value has \(bytes) bytes, the store \(store) takes \(limit).")
        case .badMetadata(_, _, let cause), .badQuery(_, let cause): AdminError(.invalid, cause)
        case .component(_, _, _, let error) where error.reason == OCTAVO_REASON_ETAG_MISMATCH:
            AdminError(.conflict, "The etag does not match: somebody else wrote the key.")
        case .component(_, _, _, let error):
            AdminError(
                error.code == OCTAVO_CODE_DEADLINE_EXCEEDED
                    ? .timeout : error.code == OCTAVO_CODE_INVALID_ARGUMENT ? .invalid : .unavailable, error.description)
        case .notOffered(let store, _, let cause): AdminError(.unsupported, "The store \(store) can't do this: \(cause).")
        case .transactionsNotSupported, .queryNotSupported, .tooManyOperations, .unknownOperation:
            AdminError(.unsupported, "The store can't do this.")
        }
    }
}
