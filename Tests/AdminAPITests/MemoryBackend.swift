import AdminAPI

/// An admin backend over memory: plugins that can be loaded, components that use them, a state store with etags.
actor MemoryBackend: AdminBackend {
    private var plugin: [String: PluginSummary] = [:]
    private var component: [String: ComponentSummary] = [:]
    private var state: [String: [String: (value: [UInt8], version: Int)]] = [:]
    private(set) var lastTTL: Int?

    /// One plugin, one component that needs it, one store.
    init() {
        plugin["memory"] = PluginSummary(
            name: "memory", version: "1.0.0", types: ["state.in-memory"], path: "/plugins/memory.so", state: .ready,
            generation: 1, mode: .inProcess, unloadClass: .clean, componentCount: 1)
        component["store"] = ComponentSummary(
            name: "store", type: "state.in-memory", version: "v1", plugin: "memory", generation: 1, state: .ready,
            features: ["ETAG"])
        state["store"] = [:]
    }

    func status() -> RuntimeStatus {
        RuntimeStatus(
            appID: "shop", version: "1.0.0", processID: 7, uptimeSeconds: 1.5, ready: true, eventLoops: 2,
            pluginCount: plugin.count, componentCount: component.count, dataFolder: "/data", pluginFolders: ["/plugins"])
    }

    func plugins() -> [PluginSummary] { plugin.values.sorted { $0.name < $1.name } }

    func plugin(named name: String) throws -> PluginDescription {
        PluginDescription(summary: try known(name))
    }

    func loadPlugin(file: String) throws -> PluginChange {
        guard file.hasSuffix(".so") else { throw AdminError(.rejected, "\(file) is no shared object.") }
        let name = String(file.split(separator: "/").last!.dropLast(3))
        guard plugin[name] == nil else { throw AdminError(.conflict, "There is a plugin \(name) already.") }
        plugin[name] = PluginSummary(name: name, path: file, state: .ready, generation: 1)
        return PluginChange(plugin: plugin[name], name: name)
    }

    func reloadPlugin(named name: String, file: String?) throws -> PluginChange {
        var summary = try known(name)
        let before = summary.generation
        summary.generation += 1
        summary.path = file ?? summary.path
        plugin[name] = summary
        return PluginChange(plugin: summary, name: name, fromGeneration: before)
    }

    func isolatePlugin(named name: String, mode: String?) throws -> PluginChange {
        throw AdminError(.conflict, "Plugin \(name) stays; \(mode ?? "default") was asked for.")
    }

    func quarantine() throws -> [QuarantinedRequest] {
        [QuarantinedRequest(id: "a1", plugin: "redis", component: "cart", operation: "get", deaths: 2, secondsLeft: 599.5)]
    }

    func clearQuarantine(plugin: String?, id: String?) throws -> Int { plugin == "redis" && id == "a1" ? 1 : 0 }

    func traces() throws -> TraceList { TraceList(traces: [], slowNanoseconds: 250_000_000) }

    func logs(after: Int64) throws -> LogList { LogList(lines: [], last: after) }

    func load() throws -> LoadList { LoadList(loads: [], underWay: 0) }

    func subscriptions() throws -> [SubscriptionSummary] {
        [SubscriptionSummary(component: "bus", topic: "orders", origin: "streaming", state: .active, sinceUnixMilliseconds: 1)]
    }

    func policies() throws -> [PolicySummary] { [PolicySummary(target: "app/shop", policies: ["retry"], calls: 7)] }

    func policy(kind: String, name: String, direction: String?) throws -> PolicyExplanation {
        PolicyExplanation(target: "\(kind)/\(name)/\(direction ?? "")", steps: [])
    }

    func restartPlugin(named name: String) throws -> PluginChange {
        _ = try known(name)
        throw AdminError(.conflict, "Plugin \(name) runs in the runtime's own process.")
    }

    func crashes() -> [CrashReport] {
        [CrashReport(
            id: "redis-1-2", plugin: "redis", version: "1.0.0", generation: 1, processID: 2, time: 1, cause: "SIGSEGV",
            signal: 11, backtrace: ["redis.so+0x10"], uptimeSeconds: 3)]
    }

    func unloadPlugin(named name: String, force: Bool) throws -> PluginChange {
        _ = try known(name)
        let users = component.values.filter { $0.plugin == name }.map(\.name)
        guard users.isEmpty || force else {
            throw AdminError(.conflict, "Plugin \(name) is used by \(users.joined(separator: ", ")).")
        }
        for user in users { component[user] = nil }
        plugin[name] = nil
        return PluginChange(plugin: nil, name: name, components: users)
    }

    func components() -> [ComponentSummary] { component.values.sorted { $0.name < $1.name } }

    func component(named name: String) throws -> ComponentDescription {
        guard let summary = component[name] else { throw AdminError(.notFound, "There is no component \(name).") }
        return ComponentDescription(summary: summary)
    }

    func stateItem(store: String, key: String) throws -> StateItem? {
        try items(store)[key].map { StateItem(value: $0.value, etag: "\($0.version) \u{E9}%") }
    }

    func setStateItem(store: String, key: String, write: StateWrite) throws {
        let version = try items(store)[key]?.version ?? 0
        if let etag = write.etag, etag != "\(version) \u{E9}%" {
            throw AdminError(.conflict, "Key \(key) has another etag.")
        }
        lastTTL = write.ttlSeconds
        state[store]?[key] = (write.value, version + 1)
    }

    func deleteStateItem(store: String, key: String, etag: String?) throws {
        let version = try items(store)[key]?.version
        if let etag, let version, etag != "\(version) \u{E9}%" {
            throw AdminError(.conflict, "Key \(key) has another etag.")
        }
        state[store]?[key] = nil
    }

    func reloadResources() -> ResourcesChange {
        var change = ResourcesChange()
        change.created = ["orders"]
        change.refused = [.init(resource: "Component \"cart\"", cause: "its type is unknown")]
        return change
    }

    func doctor() -> [DoctorFinding] {
        [DoctorFinding(severity: .warning, subject: "app", cause: "It does not listen.", remedy: "Start it.")]
    }

    func metricsPage() -> [UInt8] { Array("octavo_up 1\n".utf8) }

    private func known(_ name: String) throws -> PluginSummary {
        guard let summary = plugin[name] else { throw AdminError(.notFound, "There is no plugin \(name).") }
        return summary
    }

    private func items(_ store: String) throws -> [String: (value: [UInt8], version: Int)] {
        guard let items = state[store] else { throw AdminError(.notFound, "There is no state store \(store).") }
        return items
    }
}
