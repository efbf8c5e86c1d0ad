import COctavo
import COctavoHost
package import Logging
package import NIOCore
import Telemetry

/// All plugins and components of a runtime: loads, starts, watches, reloads and stops them. The
/// control plane; calls never come through here.
package actor ComponentStore {
    package struct Options: Sendable {
        package var pluginFolders: [String]
        /// Where copies of plugins and files of components go.
        package var dataFolder: String
        package var appID: String
        package var namespace: String
        /// Between two health checks of a component.
        package var healthInterval: Duration = .seconds(10)
        /// What calls are measured by; `nil` measures nothing.
        package var metrics: ComponentMetrics?
        /// What runs in a process of its own.
        package var isolation = IsolationOptions()
        /// How long a plugin's files must be quiet before a change of them is taken in; `nil` takes none in by itself.
        package var watchQuiet: Duration?
        /// How often secrets that components name are read again; `nil`: never.
        package var secretInterval: Duration?

        package init(pluginFolders: [String], dataFolder: String, appID: String, namespace: String) {
            self.pluginFolders = pluginFolders
            self.dataFolder = dataFolder
            self.appID = appID
            self.namespace = namespace
        }
    }

    let options: Options
    let logger: Logger
    let staging: PluginStaging
    let isolationGroups = IsolationGroups()
    let loops: [NIOLoopBound<CallLoop>]
    var catalog: PluginCatalog
    var overrides: IsolationOverrides
    var crashed: CrashedPlugins
    var plugins: [String: PluginEntry] = [:]
    var components: [String: ComponentEntry] = [:] { didSet { if !readinessWatchers.isEmpty { readinessChanged() } } }
    var readinessWatchers: [AsyncStream<[(component: String, reason: String)]>.Continuation] = []
    var isStopping = false
    /// Components whose settings are being changed, and who waits for the end of that.
    var changing: [String: [CheckedContinuation<Void, Never>]] = [:]
    /// Instances that end because there is another in their place.
    var farewells: [Int: Task<Void, Never>] = [:]
    var watch: PluginFolderWatch?
    /// Of secrets that components name, by store.
    var secretWatches: [String: SecretWatch] = [:]
    /// Why the secrets of a store can't be watched.
    var watchTroubles: [String: String] = [:]
    /// Why the last change of a file was not taken in, by path.
    var refusals: [String: Refusal] = [:]
    /// Told of a component that can't ever start and whose errors are not to be ignored.
    private var onFatal: (@Sendable (String) -> Void)?
    private var lastSerial = 0

    /// Scans the folders. Throws only when the data folder can't be used.
    package init(options: Options, loops: [NIOLoopBound<CallLoop>], logger: Logger) throws(PluginError) {
        self.options = options
        self.loops = loops
        self.logger = logger
        staging = try PluginStaging(dataFolder: options.dataFolder)
        overrides = IsolationOverrides(dataFolder: options.dataFolder)
        crashed = CrashedPlugins(dataFolder: options.dataFolder)
        // Before the folders are looked at, so that no change falls between.
        watch = options.watchQuiet.flatMap { PluginFolderWatch(folders: options.pluginFolders, quiet: $0, logger: logger) }
        catalog = PluginCatalog(folders: options.pluginFolders)
        for plugin in catalog.plugins { plugins[plugin.id] = PluginEntry(inspection: plugin) }
        for (path, error) in catalog.rejected {
            logger.error("a plugin was rejected", metadata: ["path": "\(path)", "cause": "\(error)"])
        }
    }

    package func onFatal(_ body: @escaping @Sendable (String) -> Void) { onFatal = body }


    // MARK: Components

    /// Makes the component known on every loop and starts it in the background. Returns once calls find
    /// it (and are told that it starts).
    package func add(_ definition: ComponentDefinition) async throws(StoreError) {
        try await install(definition)
        begin(definition)
    }

    /// The same for many: none starts before all are known, so that each finds the secret store that it refers to,
    /// whatever their order is. Gives those that were refused.
    package func add(
        _ definitions: [ComponentDefinition]
    ) async -> [(definition: ComponentDefinition, error: StoreError)] {
        var refused: [(definition: ComponentDefinition, error: StoreError)] = []
        var installed: [ComponentDefinition] = []
        for definition in definitions {
            do throws(StoreError) {
                try await install(definition)
                installed.append(definition)
            } catch {
                refused.append((definition, error))
            }
        }
        for definition in installed { begin(definition) }
        return refused
    }

    private func install(_ definition: ComponentDefinition) async throws(StoreError) {
        guard components[definition.name] == nil else {
            throw .duplicateComponent(name: definition.name, source: definition.source)
        }
        let kind = ComponentStore.kind(of: definition.type)
        var entry = ComponentEntry(definition: definition, serial: nextSerial())
        entry.kind = kind
        entry.meter = options.metrics?.meter(component: definition.name, type: definition.type, kind: kind)
        // Before anybody can call it, which starts it.
        if definition.startMode == .lazy { entry.state = .waiting }
        components[definition.name] = entry
        await onLoops { [self] loop in
            let ref = ComponentRef(definition: definition, type: definition.type, kind: kind, loop: loop)
            if definition.startMode == .lazy { awaitFirstCall(of: ref) }
            loop.install(ref)
        }
    }

    func nextSerial() -> Int {
        lastSerial += 1
        return lastSerial
    }

    /// On the loop of `ref`: the first call starts the component.
    nonisolated func awaitFirstCall(of ref: ComponentRef) {
        ref.unavailable = CallError(
            code: OCTAVO_CODE_UNAVAILABLE, reason: "COMPONENT_STARTING", message: "the component starts with its first call")
        let name = ref.name
        ref.wanted = { Task { await self.startLazy(name) } }
    }

    func begin(_ definition: ComponentDefinition) {
        guard definition.startMode != .lazy, components[definition.name]?.starter == nil else { return }
        startInBackground(definition.name)
    }

    func startLazy(_ name: String) {
        guard components[name]?.state == .waiting else { return }
        startInBackground(name)
    }

    func startInBackground(_ name: String) {
        components[name]?.state = .starting
        components[name]?.starter = Task { await self.keepStarting(name) }
    }

    /// Tries until it works, the component is removed, or trying again can't help.
    private func keepStarting(_ name: String) async {
        var backoff = Backoff()
        guard let serial = components[name]?.serial else { return }
        while !Task.isCancelled, !isStopping, let entry = components[name], entry.serial == serial {
            let definition = entry.definition
            do throws(StartFailure) {
                try await start(definition, serial: serial)
                return
            } catch {
                guard components[name]?.serial == serial else { return }
                note(failure: error, of: definition)
                guard components[name] != nil, !Task.isCancelled else { return }
                if error.isPermanent {
                    await settle(name, with: nil, unavailable: unavailable(definition, error))
                    return
                }
                let pause = backoff.next()
                logger.warning(
                    "a component did not start; trying again",
                    metadata: [
                        "component": "\(name)", "type": "\(definition.type)", "cause": "\(error.message)",
                        "again-in": "\(pause)",
                    ])
                // Callers of a lazy one get the error at once; it starts anew with the next call.
                if definition.startMode == .lazy {
                    await settle(name, with: nil, unavailable: unavailable(definition, error))
                } else {
                    await tell(name, unavailable(definition, error))
                }
                try? await Task.sleep(for: pause)
            }
        }
    }

    private func note(failure: StartFailure, of definition: ComponentDefinition) {
        components[definition.name]?.state = failure.isPermanent ? .failed : .retrying
        components[definition.name]?.reason = failure.message
        components[definition.name]?.lastError = failure.message
        components[definition.name]?.since = wallSeconds()
        guard failure.isPermanent else { return }
        logger.error(
            "a component can't start",
            metadata: [
                "component": "\(definition.name)", "type": "\(definition.type)", "source": "\(definition.source)",
                "cause": "\(failure.message)",
            ])
        if definition.ignoreErrors == false, !definition.isLate {
            onFatal?("component \(definition.name) (\(definition.type)): \(failure.message)")
        }
    }

    private func unavailable(_ definition: ComponentDefinition, _ failure: StartFailure) -> CallError {
        CallError(
            code: OCTAVO_CODE_UNAVAILABLE,
            reason: failure.isPermanent ? "COMPONENT_FAILED" : "COMPONENT_STARTING",
            message: "the component is not ready: \(failure.message)")
    }

    /// One try: plugin, secrets, metadata, instance, start, features; then calls go to it.
    private func start(_ written: ComponentDefinition, serial: Int) async throws(StartFailure) {
        let name = written.name
        if let previous = components[name]?.previous, !previous.isGone {
            let running = previous.lane.running
            throw StartFailure(
                message: "\(running?.operation ?? "destroy") of the try before has not returned for "
                    + "\(running?.seconds ?? 0) s; it is waited for",
                isPermanent: false)
        }
        let plugin = try await plugin(for: written.type)
        let definition = try await resolved(written)
        components[name]?.secretPrint = definition.secretPrint
        let instance: ComponentInstance
        do throws(StartFailure) {
            instance = try await makeInstance(definition, of: plugin)
        } catch {
            if let unstarted = error.instance {
                // Told at once; the next try waits until it is gone.
                if components[name]?.serial == serial { components[name]?.previous = unstarted }
                Task { await discard(unstarted) }
            }
            throw error
        }
        await reloadEnded(plugin.id)
        guard components[name]?.serial == serial, !isStopping, !Task.isCancelled else {
            await discard(instance)
            return
        }
        guard plugins[plugin.id]?.current === plugin else {
            // A reload put another build in its place meanwhile.
            await discard(instance)
            return try await start(written, serial: serial)
        }
        components[name]?.instance = instance
        components[name]?.previous = nil
        await settle(name, with: instance, unavailable: nil)
        // Ready is what every loop knows.
        guard components[name]?.serial == serial else { return }
        components[name]?.state = .ready
        components[name]?.reason = ""
        components[name]?.since = wallSeconds()
        logger.info(
            "component ready",
            metadata: [
                "component": "\(name)", "type": "\(definition.type)", "plugin": "\(plugin.id)",
                "generation": "\(plugin.generation)",
            ])
        watchHealth(name)
        watchSecrets()
        if components[name]?.isToRenew == true { renewNow(name) }
    }

    /// Starts a component that was ready, in the background.
    func startAgain(_ name: String, after failure: StartFailure) {
        guard let definition = components[name]?.definition else { return }
        note(failure: failure, of: definition)
        startInBackground(name)
    }

    /// The values of a definition whose secrets are resolved, and their type in this generation of the plugin.
    func checked(
        _ definition: ComponentDefinition, of plugin: LoadedPlugin
    ) throws(StartFailure) -> (type: PluginType, values: [SettingValue]) {
        guard let type = plugin.type(named: definition.type) else {
            throw .permanent("plugin \(plugin.id) \(plugin.version) does not offer \(definition.type)")
        }
        guard ComponentStore.isSameVersion(definition.version, type.version) else {
            throw .permanent(
                "\(definition.type) is there in version \(type.version) (plugin \(plugin.id) \(plugin.version)), not "
                    + "\(definition.version); change spec.version")
        }
        if type.isSingleton, let other = components.values.first(where: {
            $0.definition.name != definition.name && $0.instance?.type.name == type.name
        }) {
            throw .permanent(
                "there may be one component of type \(type.name), and \(other.definition.name) is one; remove one of them")
        }
        let outcome = MetadataCheck(definition: definition, type: type).run()
        for warning in outcome.warnings {
            logger.warning(
                "a component's metadata", metadata: ["component": "\(definition.name)", "cause": "\(warning)"])
        }
        guard outcome.errors.isEmpty else {
            let place = definition.source.isEmpty ? "" : " (\(definition.source))"
            throw .permanent(outcome.errors.joined(separator: "; ") + place)
        }
        return (type, outcome.values)
    }

    /// Checks the metadata, makes an instance of this generation and starts it. An instance that did not
    /// start is in the failure. `meter`: what it is measured by; that of the component when it is not given.
    func makeInstance(
        _ definition: ComponentDefinition, of plugin: LoadedPlugin, meter: ComponentMeter? = nil
    ) async throws(StartFailure) -> ComponentInstance {
        let (type, values) = try checked(definition, of: plugin)
        // Before the plugin sees them: from now on whatever it says shows none of them.
        LogRedaction.shared.protect(secrets(of: definition, type), of: definition.name)
        let folder = options.dataFolder + "/components/" + definition.name
        makeFolders(folder)
        let configuration = InstanceConfiguration(
            component: definition.name, type: type.name, version: definition.version, appID: options.appID,
            namespace: options.namespace, dataFolder: folder, values: values)
        let instance: ComponentInstance
        do throws(CallError) {
            instance = try await ComponentInstance.make(
                component: definition.name, type: type, plugin: plugin, configuration: configuration, logger: logger,
                meter: meter ?? components[definition.name]?.meter)
        } catch {
            // `create` does no I/O: the same configuration fails again.
            throw StartFailure(message: error.message, isPermanent: error.code != OCTAVO_CODE_RESOURCE_EXHAUSTED)
        }
        if let failure = await instance.start(timeout: definition.initTimeout) {
            throw StartFailure(
                message: failure.message, isPermanent: failure.flags & UInt32(OCTAVO_ERROR_PERMANENT) != 0,
                instance: instance)
        }
        guard let features = await instance.features() else {
            throw StartFailure(
                message: "its function features has not returned", isPermanent: false, instance: instance)
        }
        instance.featureSet = features
        instance.secretPrint = definition.secretPrint
        instance.secrets = RuntimeSecrets(definition, kind: type.kind)
        return instance
    }

    /// Ends an instance that never got a call, even when this task has been cancelled.
    func discard(_ instance: ComponentInstance) async {
        guard instance.claimEnd() else { return }
        await Task {
            _ = await instance.stop(timeout: .seconds(5))
            _ = await instance.destroy()
        }.value
    }

    /// The versions that Dapr's components begin with are one: none, v0 and v1.
    private static func isSameVersion(_ one: String, _ other: String) -> Bool {
        func plain(_ version: String) -> String {
            let version = version.lowercased()
            return ["", "v0"].contains(version) ? "v1" : version
        }
        return plain(one) == plain(other)
    }

    /// Takes the component away: new calls find nothing, those under way finish or fail. `waits`: for those; else they
    /// are seen to in the background.
    package func remove(_ name: String, waits: Bool = true) async throws(StoreError) {
        guard let entry = components[name] else { throw .noSuchComponent(name: name, known: components.keys.sorted()) }
        components[name] = nil
        watchSecrets()
        entry.healthWatch?.cancel()
        entry.meter?.remove()
        await onLoops { loop in
            loop.component(named: name)?.settle(
                target: nil,
                unavailable: CallError(
                    code: OCTAVO_CODE_UNAVAILABLE, reason: "COMPONENT_REMOVED", message: "the component was removed"))
            loop.remove(name)
        }
        // What it is making just now is ended by the start itself.
        entry.starter?.cancel()
        await entry.starter?.value
        guard let instance = entry.instance else { return }
        if waits { _ = await finish(instance, within: .seconds(30)) } else { sayFarewell(to: instance) }
    }

    /// Notes why a component's latest settings were refused; `nil`: they were not.
    package func note(refusal: String?, of name: String) { components[name]?.refusal = refusal }

    /// Waits until none of the components is in its first try to start, or for `limit`; gives those that are not ready,
    /// with their reasons. One that starts with its first call is none.
    package func settled(_ names: [String], within limit: Duration) async -> [(component: String, reason: String)] {
        let deadline = ContinuousClock.now + limit
        while names.contains(where: { components[$0]?.state == .starting }), ContinuousClock.now < deadline {
            guard (try? await Task.sleep(for: .milliseconds(5))) != nil else { break }
        }
        return names.compactMap { name in
            guard let entry = components[name], entry.state != .ready, entry.state != .waiting else { return nil }
            return (name, entry.reason.isEmpty ? "it is starting" : entry.reason)
        }
    }

    /// Drains, stops and destroys an instance that no loop gives new calls to. Returns why its code must
    /// stay mapped, `nil` when nothing is left behind.
    func finish(_ instance: ComponentInstance, within patience: Duration) async -> String? {
        // A removal in the middle of a reload finds an instance that is being ended already.
        guard instance.claimEnd() else { return await ended(instance) }
        await awaitSources(of: instance, within: min(patience, .seconds(15)))
        if patience > .zero { _ = await instance.drain(timeout: min(patience, .seconds(10))) }
        await awaitCalls(of: instance, within: patience)
        // Nobody waits for those that the runtime has given up on: they get a moment, then stop ends them.
        await awaitCalls(of: instance, within: min(patience, .seconds(1)), alsoExpired: true)
        _ = await instance.stop(timeout: .seconds(10))
        // Stop completes what is open; what it has forgotten is answered here.
        await awaitCalls(of: instance, within: .seconds(1), alsoExpired: true)
        if instance.counters.inFlight > 0 {
            let raw = UInt(bitPattern: instance.raw)
            await onLoops { loop in
                loop.abandon(
                    OpaquePointer(bitPattern: raw).unsafelyUnwrapped,
                    "the component was stopped and did not complete the call")
            }
        }
        // What it has counted stays, so that a reload does not take totals back.
        components[instance.component]?.ended(instance)
        let remains = await instance.destroy()
        if let remains {
            logger.warning(
                "a component's instance could not be ended",
                metadata: ["component": "\(instance.component)", "type": "\(instance.type.name)", "cause": "\(remains)"])
        }
        return remains
    }

    /// Waits until nothing is delivered from the instance any more: its sources have gone to the next one.
    func awaitSources(of instance: ComponentInstance, within patience: Duration) async {
        let deadline = ContinuousClock.now + patience
        let raw = UInt(bitPattern: instance.raw)
        for loop in loops {
            while ContinuousClock.now < deadline {
                let left = try? await loop.eventLoop.submit {
                    loop.value.sources(of: OpaquePointer(bitPattern: raw).unsafelyUnwrapped)
                }.get()
                guard let left, left > 0 else { break }
                try? await Task.sleep(for: .milliseconds(2))
            }
        }
    }

    /// Waits for the end that somebody else brings about.
    private func ended(_ instance: ComponentInstance) async -> String? {
        let deadline = ContinuousClock.now + .seconds(60)
        while !instance.isGone {
            guard ContinuousClock.now < deadline else { return "the end of component \(instance.component) goes on" }
            try? await Task.sleep(for: .milliseconds(2))
        }
        return nil
    }

    private func awaitCalls(
        of instance: ComponentInstance, within patience: Duration, alsoExpired: Bool = false
    ) async {
        let deadline = ContinuousClock.now + patience
        while ContinuousClock.now < deadline {
            let counters = instance.counters
            if counters.inFlight <= (alsoExpired ? 0 : counters.expired) { return }
            try? await Task.sleep(for: .milliseconds(2))
        }
    }

    /// Stops everything, components side by side.
    package func shutdown() async {
        isStopping = true
        watch = nil
        let names = components.keys.sorted()
        await withTaskGroup(of: Void.self) { group in
            for name in names { group.addTask { try? await self.remove(name) } }
        }
        for farewell in farewells.values { await farewell.value }
        for (id, entry) in plugins {
            plugins[id]?.current = nil
            if let loaded = entry.current { _ = await loaded.retire() }
        }
        // Code that stays mapped does not need its file any more.
        staging.removeAll()
    }

    // MARK: Loops

    /// Runs `body` on every event loop and waits for all.
    func onLoops(_ body: @escaping @Sendable (CallLoop) -> Void) async {
        for loop in loops {
            try? await loop.eventLoop.submit { body(loop.value) }.get()
        }
    }

    /// `definition`: the settings that the instance is made of, when they are others than before.
    func settle(
        _ name: String, with instance: ComponentInstance?, unavailable: CallError?, adopting definition: ComponentDefinition? = nil
    ) async {
        await onLoops { loop in
            guard let ref = loop.component(named: name) else { return }
            if let definition { ref.adopt(definition) }
            ref.settle(target: instance.map { $0.target(on: loop) }, secrets: instance?.secrets, unavailable: unavailable)
            if definition != nil { loop.changed(ref) }
        }
    }

    /// Changes what calls are told, without ending anybody's wait.
    private func tell(_ name: String, _ error: CallError) async {
        await onLoops { loop in loop.component(named: name)?.unavailable = error }
    }

    static func kind(of type: String) -> Int32 {
        for kind in 1...OCTAVO_KIND_LAST {
            guard let known = octavo_kind_at(kind) else { continue }
            if type.hasPrefix(String(cString: known.pointee.prefix)) { return kind }
        }
        return 0
    }
}
