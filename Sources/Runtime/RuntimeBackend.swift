import AdminAPI
import AppChannel
import BuildingBlocks
import COctavo
import Components
import Governance
import Glibc
import NIOConcurrencyHelpers
import NIOCore
import Telemetry
import Transport

/// What the runtime tells its operator and does for them.
final class RuntimeBackend: AdminBackend {
    let options: RuntimeOptions
    let tracing: RuntimeTracing
    let meters: RuntimeMeters
    /// Of the APIs, by protocol, operation and code.
    let requests: MetricFamily<Histogram>
    private let store: ComponentStore
    let state: RuntimeState
    private let registry: MetricsRegistry
    private let crashReports: CrashReports
    let loops: [NIOLoopBound<CallLoop>]
    private let api: Server
    private let app: AppChannel?
    private let resources: LiveResources
    private let startedAt: ContinuousClock.Instant
    private let listeners = NIOLockedValueBox<[Runtime.Listener]>([])

    init(
        options: RuntimeOptions, store: ComponentStore, state: RuntimeState, loops: [NIOLoopBound<CallLoop>],
        api: Server, startedAt: ContinuousClock.Instant, registry: MetricsRegistry, crashReports: CrashReports,
        app: AppChannel?, resources: LiveResources, tracing: RuntimeTracing, meters: RuntimeMeters, requests: MetricFamily<Histogram>
    ) {
        self.tracing = tracing
        self.meters = meters
        self.requests = requests
        self.resources = resources
        self.app = app
        self.registry = registry
        self.crashReports = crashReports
        self.options = options
        self.store = store
        self.state = state
        self.loops = loops
        self.api = api
        self.startedAt = startedAt
    }

    func setListeners(_ all: [Runtime.Listener]) { listeners.withLockedValue { $0 = all } }

    // MARK: Runtime

    func status() async throws -> RuntimeStatus {
        let components = await configured
        let plugins = await store.pluginFacts()
        let usage = ProcessUsage.now
        let connections = await api.statistics().openConnections
        return RuntimeStatus(
            appID: options.appID, version: Version.current, processID: Int(getpid()),
            uptimeSeconds: (ContinuousClock.now - startedAt) / .seconds(1), ready: state.notReady.isEmpty,
            notReadyReasons: state.notReady,
            addresses: listeners.withLockedValue { $0 }.map { ListenAddress(purpose: $0.purpose, address: $0.text) },
            app: app.map {
                let condition = $0.condition
                let wire = $0.options.wire.rawValue
                let address = if case .tcp = $0.options.endpoint { "\(wire)://" } else { "\(wire)+" }
                return AppStatus(
                    address: address + $0.options.endpoint.text, healthy: condition.isUp, reason: condition.reason,
                    processID: state.appProcess)
            },
            eventLoops: loops.count, residentBytes: usage.residentBytes, openDescriptors: usage.descriptors,
            openConnections: connections, pluginCount: plugins.count, componentCount: components.count,
            failedComponentCount: components.count { !$0.isReady && $0.state != "waiting" },
            calls: components.reduce(0) { $0 + Int64($1.calls) },
            errors: components.reduce(0) { $0 + Int64($1.errors) }, dataFolder: options.dataFolder,
            pluginFolders: options.pluginFolders, resourceProblems: await resources.complaints)
    }

    func reloadResources() async throws -> ResourcesChange { await resources.reload(waits: true) }

    func metricsPage() async throws -> [UInt8] { PrometheusText.page(await metrics()) }

    func metrics() async -> MetricSet {
        RuntimeMetrics.read(
            registry, components: await store.componentFacts(), plugins: await store.pluginFacts(),
            server: await api.statistics(), subscriptions: state.subscriptions.summaries, policies: state.policies.all, policySet: state.policySet,
            ready: state.notReady.isEmpty, appID: options.appID, resourceProblems: await resources.complaints.count,
            resiliency: meters.resiliency)
    }

    // MARK: Plugins

    func plugins() async throws -> [PluginSummary] { await store.pluginFacts().map(AdminViews.summary) }

    func plugin(named name: String) async throws -> PluginDescription {
        try AdminViews.description(await facts(of: name))
    }

    private func facts(of plugin: String) async throws -> PluginFacts {
        let all = await store.pluginFacts()
        guard let found = all.first(where: { $0.id == plugin }) else {
            let hint = nearest(plugin, in: all.map(\.id)).map { "; did you mean \($0)?" } ?? "."
            throw AdminError(.notFound, "There is no plugin \(plugin)\(hint) See `octavo plugin list`.")
        }
        return found
    }

    func loadPlugin(file: String) async throws -> PluginChange {
        let start = ContinuousClock.now
        do throws(StoreError) {
            let (id, isNew) = try await store.load(path: file)
            let facts = await store.pluginFacts().first { $0.id == id }
            return PluginChange(
                plugin: facts.map(AdminViews.summary), name: id,
                durationNanoseconds: Int64((ContinuousClock.now - start) / .nanoseconds(1)),
                notes: isNew ? [] : ["It was loaded already from this file; nothing has changed."])
        } catch {
            throw AdminViews.error(error)
        }
    }

    func reloadPlugin(named name: String, file: String?) async throws -> PluginChange {
        let before = try await facts(of: name)
        let start = ContinuousClock.now
        do throws(StoreError) {
            let report = try await store.reload(name, path: file)
            let after = await store.pluginFacts().first { $0.id == name }
            return PluginChange(
                plugin: after.map(AdminViews.summary), name: name, fromGeneration: report.from,
                fromVersion: before.version, components: report.components,
                durationNanoseconds: Int64((ContinuousClock.now - start) / .nanoseconds(1)),
                notes: report.stillMapped.map { ["the old code stays mapped: \($0)"] } ?? [])
        } catch {
            throw AdminViews.error(error)
        }
    }

    func unloadPlugin(named name: String, force: Bool) async throws -> PluginChange {
        let before = try await facts(of: name)
        let start = ContinuousClock.now
        do throws(StoreError) {
            if force { for component in before.components { try await store.remove(component) } }
            let mapped = try await store.unload(name)
            return PluginChange(
                plugin: nil, name: name, fromGeneration: before.generation, fromVersion: before.version,
                components: force ? before.components : [],
                durationNanoseconds: Int64((ContinuousClock.now - start) / .nanoseconds(1)),
                notes: mapped.map { ["its code stays mapped: \($0)"] } ?? [])
        } catch {
            throw AdminViews.error(error)
        }
    }

    func restartPlugin(named name: String) async throws -> PluginChange {
        let before = try await facts(of: name)
        let start = ContinuousClock.now
        guard before.isolation != nil else {
            throw AdminError(
                .conflict, "Plugin \(name) runs in the runtime's own process; use `octavo plugin reload \(name)`.")
        }
        await store.restart(name)
        let after = await store.pluginFacts().first { $0.id == name }
        return PluginChange(
            plugin: after.map(AdminViews.summary), name: name, fromGeneration: before.generation,
            fromVersion: before.version, components: before.components,
            durationNanoseconds: Int64((ContinuousClock.now - start) / .nanoseconds(1)))
    }

    func crashes() async throws -> [CrashReport] { crashReports.all }

    func isolatePlugin(named name: String, mode: String?) async throws -> PluginChange {
        let before = try await facts(of: name)
        let start = ContinuousClock.now
        do {
            let (report, notKept) = try await store.setIsolation(name, mode.flatMap { IsolationMode(rawValue: $0) })
            let after = await store.pluginFacts().first { $0.id == name }
            var notes = notKept.map { ["the next start will not know of it: \($0)"] } ?? []
            if let mapped = report?.stillMapped { notes.append("the old code stays mapped: \(mapped)") }
            if report == nil {
                notes.append(before.generation == 0 ? "it is not loaded; this holds from its first load on" : "it runs there already")
            }
            return PluginChange(
                plugin: after.map(AdminViews.summary), name: name, fromGeneration: before.generation, fromVersion: before.version,
                components: report?.components ?? [], durationNanoseconds: Int64((ContinuousClock.now - start) / .nanoseconds(1)),
                notes: notes)
        } catch {
            throw AdminViews.error(error)
        }
    }

    func quarantine() async throws -> [AdminAPI.QuarantinedRequest] {
        await store.quarantine().map {
            AdminAPI.QuarantinedRequest(
                id: String($0.fingerprint, radix: 16), plugin: $0.plugin, component: $0.component, operation: $0.operation,
                deaths: $0.deaths, secondsLeft: $0.left / .seconds(1))
        }
    }

    func clearQuarantine(plugin: String?, id: String?) async throws -> Int {
        if let plugin { _ = try await facts(of: plugin) }
        guard let id else { return await store.releaseQuarantine(of: plugin, fingerprint: 0) }
        guard let fingerprint = UInt64(id, radix: 16), fingerprint != 0 else {
            throw AdminError(.invalid, "\(id) is not the id of a refused request; see `octavo plugin quarantine list`.")
        }
        return await store.releaseQuarantine(of: plugin, fingerprint: fingerprint)
    }

    // MARK: Components

    func components() async throws -> [ComponentSummary] { await configured.map(AdminViews.summary) }

    /// Those that the operator has asked for. Describing finds the runtime's own as well.
    var configured: [ComponentFacts] {
        get async { await store.componentFacts().filter { $0.name != Runtime.resolver } }
    }

    func component(named name: String) async throws -> ComponentDescription {
        let all = await store.componentFacts()
        guard let found = all.first(where: { $0.name == name }) else {
            throw AdminViews.error(.noSuchComponent(name: name, known: all.map(\.name)))
        }
        return ComponentDescription(
            summary: AdminViews.summary(found), source: found.source.isEmpty ? nil : found.source)
    }

    func subscriptions() async throws -> [SubscriptionSummary] {
        let components = Dictionary(await store.componentFacts().map { ($0.name, $0) }) { first, _ in first }
        return state.subscriptions.snapshots.map { SubscriptionViews.summary($0, components[$0.listed.definition.pubsub]) }
    }

    // MARK: Policies

    func policies() async throws -> [PolicySummary] {
        let now = monotonicNanoseconds()
        return state.policies.all.map { PolicyViews.summary($0, now: now) }
    }

    func policy(kind: String, name: String, direction: String?) async throws -> PolicyExplanation {
        let set = state.policySet
        guard !name.isEmpty, direction == nil || (kind == "component" && ["outbound", "inbound"].contains(direction)),
            kind == "app" || kind == "component"
        else {
            throw AdminError(
                .invalid, "There is no such target; give app/NAME, component/NAME/outbound or component/NAME/inbound.")
        }
        if kind == "app" {
            let namespace = state.identity.namespace
            let names = name.contains(".") || namespace.isEmpty ? [name, String(name.prefix { $0 != "." })] : ["\(name).\(namespace)", name]
            var steps = PolicyViews.steps(set.app(names))
            let last = steps.lastIndex { $0.kind == PolicyKind.timeout.rawValue || $0.kind == PolicyKind.circuitBreaker.rawValue }
            steps.insert(PolicyViews.builtIn, at: last.map { $0 + 1 } ?? steps.filter { $0.kind != PolicyKind.outlierEjection.rawValue }.count)
            return PolicyExplanation(target: "app/\(name)", steps: steps)
        }
        let all = await configured
        guard let component = all.first(where: { $0.name == name }) else {
            throw AdminViews.error(.noSuchComponent(name: name, known: all.map(\.name)))
        }
        if direction == "inbound" {
            var explanation = PolicyExplanation(
                target: "component/\(name)/inbound", steps: PolicyViews.steps(set.inbound(name, type: component.type)))
            if explanation.steps.isEmpty {
                explanation.notes = ["Without a policy a delivery that fails comes again for ever, or goes to the dead-letter topic at once."]
            }
            return explanation
        }
        return PolicyExplanation(
            target: "component/\(name)/outbound", steps: PolicyViews.steps(set.outbound(name, type: component.type)))
    }

    // MARK: State

    func stateItem(store name: String, key: String) async throws -> AdminAPI.StateItem? {
        try await onStateLoop(name) { (api, store, promise: EventLoopPromise<AdminAPI.StateItem?>) throws(StateFailure) in
            try api.bulkGet(store, keys: [key], parallelism: 1, metadata: [], deadline: 0) { result in
                switch result {
                case .failure(let failure): promise.fail(AdminViews.error(failure))
                case .success(let items):
                    if let item = items.first, item.isFound {
                        promise.succeed(StateItem(value: item.value, etag: item.etag.isEmpty ? nil : item.etag))
                    } else if let item = items.first, !item.error.isEmpty {
                        promise.fail(AdminError(.unavailable, item.error))
                    } else {
                        promise.succeed(nil)
                    }
                }
            }
        }
    }

    func setStateItem(store name: String, key: String, write: AdminAPI.StateWrite) async throws {
        try await change(
            name,
            BuildingBlocks.StateWrite(
                key: key, value: write.value, etag: write.etag,
                metadata: write.ttlSeconds.map { [("ttlInSeconds", String($0))] } ?? []), .save)
    }

    func deleteStateItem(store name: String, key: String, etag: String?) async throws {
        try await change(name, BuildingBlocks.StateWrite(key: key, etag: etag, isRemoval: true), .delete)
    }

    private func change(
        _ name: String, _ write: sending BuildingBlocks.StateWrite, _ operation: StateFailure.Operation
    ) async throws {
        let write = NIOLockedValueBox(write)
        try await onStateLoop(name) { (api, store, promise: EventLoopPromise<Void>) throws(StateFailure) in
            try api.write(store, [write.withLockedValue { $0 }], operation, deadline: 0) { failure in
                if let failure { promise.fail(AdminViews.error(failure)) } else { promise.succeed() }
            }
        }
    }

    private func onStateLoop<Value: Sendable>(
        _ name: String,
        _ body: @escaping @Sendable (StateAPI, StateStore, EventLoopPromise<Value>) throws(StateFailure) -> Void
    ) async throws -> Value {
        let loop = loops[0]
        let identity = state.identity
        let promise = loop.eventLoop.makePromise(of: Value.self)
        loop.eventLoop.execute {
            let api = StateAPI(loop: loop.value, identity: identity)
            do throws(StateFailure) {
                try body(api, try api.store(name), promise)
            } catch {
                promise.fail(AdminViews.error(error))
            }
        }
        return try await promise.futureResult.get()
    }

    // MARK: Doctor

    func doctor() async throws -> [DoctorFinding] {
        var findings = FolderCheck.findings(options.dataFolder) + ResourceCheck.findings(options, types: nil)
        for plugin in await store.pluginFacts() where plugin.state == "rejected" {
            findings.append(
                DoctorFinding(
                    severity: .error, subject: "plugin \(plugin.id)", cause: plugin.reason,
                    remedy: "Mend or remove \(plugin.path), then `octavo plugin load` it."))
        }
        for component in await store.componentFacts() {
            if let refusal = component.refusal {
                findings.append(
                    DoctorFinding(
                        severity: .error, subject: "component \(component.name)",
                        cause: "Its changed settings were refused: \(refusal).",
                        remedy: "Mend its file, or the backend that it names; it is read again when it changes."))
            }
            // One that is starting and has not failed yet is nothing that an operator could mend.
            if !component.isReady, component.state != "waiting", component.state != "starting" || !component.reason.isEmpty {
                findings.append(
                    DoctorFinding(
                        severity: component.startMode == .required ? .error : .warning,
                        subject: "component \(component.name)", cause: component.reason,
                        remedy: "Mend its file\(component.source.isEmpty ? "" : " (\(component.source))") or its backend."))
            } else if component.health.state == .unhealthy {
                findings.append(
                    DoctorFinding(
                        severity: .error, subject: "component \(component.name)", cause: component.health.reason,
                        remedy: "Look at the backend that it talks to."))
            }
        }
        findings += SubscriptionViews.findings(try await subscriptions())
        if let app, let reason = app.condition.reason {
            findings.append(
                DoctorFinding(
                    severity: .warning, subject: "app", cause: "It is not up: \(reason)",
                    remedy: "Start it, or correct --app-port, --app-protocol and --app-channel-address."))
        }
        var limit = rlimit()
        if getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0, limit.rlim_cur < 4096 {
            findings.append(
                DoctorFinding(
                    severity: .warning, subject: "process",
                    cause: "Only \(limit.rlim_cur) descriptors may be open, one a connection.",
                    remedy: "Raise the limit (ulimit -n, or LimitNOFILE of the service)."))
        }
        if state.apiToken == nil, options.api.listenAddresses.contains(where: { $0 == "0.0.0.0" || $0 == "::" }) {
            findings.append(
                DoctorFinding(
                    severity: .warning, subject: "listeners",
                    cause: "The API listens on all addresses and asks for no token.",
                    remedy: "Set DAPR_API_TOKEN, or listen on 127.0.0.1."))
        }
        return findings
    }
}
