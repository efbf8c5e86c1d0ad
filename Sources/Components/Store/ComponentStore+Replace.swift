import COctavo
import Telemetry

extension ComponentStore {
    /// Puts a new instance with other settings in the place of a component's. Makes before it breaks: the new one is
    /// checked, made, started and asked for its health beside the old one; then new calls go to it, subscriptions and
    /// watches move to it, and the old one ends in the background when what it has under way has ended. On any failure
    /// the old one goes on, and the error says why. Of a type that can't be there twice the calls wait meanwhile.
    ///
    /// The type may be another one of the same kind. A component that is not ready starts anew with the new settings,
    /// and nothing is refused. The same definition again reads its secrets anew.
    package func replace(_ definition: ComponentDefinition) async throws(StoreError) {
        let name = definition.name
        await beginChange(of: name)
        defer { endChange(of: name) }
        guard let entry = components[name], !isStopping else {
            throw .noSuchComponent(name: name, known: components.keys.sorted())
        }
        guard ComponentStore.kind(of: definition.type) == entry.kind else {
            throw .changeRefused(
                component: name, cause: "a \(entry.definition.type) can't become a \(definition.type); remove it first",
                isPermanent: true)
        }
        guard entry.state == .ready, entry.instance != nil else { return await startAnew(definition) }
        do throws(StartFailure) {
            try await replaceReady(definition, serial: entry.serial)
        } catch {
            if let unstarted = error.instance { await discard(unstarted) }
            throw .changeRefused(component: name, cause: error.message, isPermanent: error.isPermanent)
        }
        try await moveIsolation(from: entry.definition, to: definition)
    }

    /// Takes in what of a definition concerns the runtime alone, without another instance.
    package func adopt(_ definition: ComponentDefinition) async throws(StoreError) {
        await beginChange(of: definition.name)
        defer { endChange(of: definition.name) }
        guard let before = components[definition.name]?.definition else { return }
        components[definition.name]?.definition = definition
        try await moveIsolation(from: before, to: definition)
    }

    /// A component may say where its plugin runs.
    private func moveIsolation(from old: ComponentDefinition, to new: ComponentDefinition) async throws(StoreError) {
        if old.isolation != new.isolation { try await moveIsolation(of: new.type) }
    }

    /// Moves the plugin of a type that is loaded to where it is to run now: a component that says so has come or gone.
    package func moveIsolation(of type: String) async throws(StoreError) {
        guard let plugin = plugins.values.first(where: { $0.offers(type) })?.current,
            plugin.isIsolated != (isolation(for: plugin.inspection) != nil)
        else { return }
        _ = try await reload(plugin.id)
    }

    // MARK: Not ready

    /// Forgets what was tried with the old settings.
    private func startAnew(_ definition: ComponentDefinition) async {
        let name = definition.name
        let starter = components[name]?.starter
        if components[name]?.definition.type != definition.type {
            components[name]?.meter?.remove()
            components[name]?.meter = meter(for: definition)
        }
        components[name]?.definition = definition
        components[name]?.serial = nextSerial()
        components[name]?.starter = nil
        components[name]?.reason = ""
        components[name]?.since = wallSeconds()
        components[name]?.state = definition.startMode == .lazy ? .waiting : .starting
        await onLoops { [self] loop in
            guard let ref = loop.component(named: name) else { return }
            ref.adopt(definition)
            if definition.startMode == .lazy { awaitFirstCall(of: ref) }
        }
        // Two instances of what must be alone would not do; what it is making just now it ends by itself.
        starter?.cancel()
        await starter?.value
        guard components[name] != nil, !isStopping else { return }
        begin(definition)
    }

    private func meter(for definition: ComponentDefinition) -> ComponentMeter? {
        options.metrics?.meter(
            component: definition.name, type: definition.type, kind: ComponentStore.kind(of: definition.type))
    }

    // MARK: Ready

    private func replaceReady(_ written: ComponentDefinition, serial: Int) async throws(StartFailure) {
        let name = written.name
        let plugin = try await plugin(for: written.type)
        guard let old = components[name]?.instance, components[name]?.serial == serial else { return }
        // A reload that began meanwhile comes first: it takes the instance that is there.
        guard plugins[plugin.id]?.current === plugin, plugins[plugin.id]?.isReloading != true,
            plugins[old.plugin.id]?.isReloading != true
        else {
            await reloadEnded(plugin.id)
            await reloadEnded(old.plugin.id)
            return try await replaceReady(written, serial: serial)
        }
        let held = Set([plugin.id, old.plugin.id])
        for id in held { plugins[id]?.replacements += 1 }
        defer { for id in held { endReplacement(of: id) } }

        let definition = try await resolved(written)
        let type = try checked(definition, of: plugin).type
        let isSameType = old.type.name == type.name
        if isSameType, type.runsAlone {
            return try await replaceAlone(old, by: definition, written, of: plugin)
        }
        let meter = isSameType ? components[name]?.meter : self.meter(for: definition)
        let new = try await healthy(try await makeInstance(definition, of: plugin, meter: meter))
        guard components[name]?.serial == serial, !isStopping else { return await discard(new) }
        if isSameType, old.type.holdsState {
            await onLoops { loop in loop.component(named: name)?.beginParking() }
            if let cause = await handOver(from: old, to: new) {
                await settle(name, with: components[name]?.instance, unavailable: nil)
                throw StartFailure(message: cause, isPermanent: false, instance: new)
            }
        }
        if !isSameType {
            components[name]?.meter?.remove()
            components[name]?.meter = meter
        }
        await take(new, as: written)
    }

    private func healthy(_ instance: ComponentInstance) async throws(StartFailure) -> ComponentInstance {
        if let failure = await instance.checkHealth(timeout: .seconds(1)) {
            throw StartFailure(message: failure.message, isPermanent: false, instance: instance)
        }
        instance.health.report(.healthy, "")
        return instance
    }

    /// Calls go to `new` from now on; the one before ends by itself.
    private func take(_ new: ComponentInstance, as written: ComponentDefinition) async {
        let name = written.name
        guard components[name] != nil else { return await discard(new) }
        let old = components[name]?.instance
        components[name]?.letGo()
        components[name]?.instance = new
        components[name]?.definition = written
        components[name]?.reason = ""
        components[name]?.lastError = ""
        components[name]?.since = wallSeconds()
        await settle(name, with: new, unavailable: nil, adopting: written)
        if let old { sayFarewell(to: old) }
        watchSecrets()
        logger.info(
            "component replaced",
            metadata: ["component": "\(name)", "type": "\(written.type)", "source": "\(written.source)"])
    }

    /// Ends an instance that no loop gives new calls to, without anybody waiting for it but the end of the store.
    func sayFarewell(to instance: ComponentInstance) {
        let number = nextSerial()
        farewells[number] = Task {
            _ = await finish(instance, within: .seconds(30))
            farewells[number] = nil
        }
    }

    // MARK: One after the other

    private func replaceAlone(
        _ old: ComponentInstance, by definition: ComponentDefinition, _ written: ComponentDefinition, of plugin: LoadedPlugin
    ) async throws(StartFailure) {
        let name = written.name
        guard !old.type.holdsState else {
            throw .permanent(
                "\(old.type.name) holds its state in memory and can't run twice, so it can't be handed over; remove the "
                    + "component and add it again")
        }
        guard let before = components[name]?.definition else { return }
        await onLoops { loop in loop.component(named: name)?.beginParking() }
        components[name]?.letGo()
        _ = await finish(old, within: .seconds(10))
        do throws(StartFailure) {
            await take(try await healthy(try await makeInstance(definition, of: plugin)), as: written)
        } catch {
            if let unstarted = error.instance { await discard(unstarted) }
            await restore(name, before, of: plugin)
            throw StartFailure(message: error.message, isPermanent: error.isPermanent)
        }
    }

    // MARK: Turns

    /// Changes of one component follow one another.
    private func beginChange(of name: String) async {
        while changing[name] != nil { await withCheckedContinuation { changing[name]?.append($0) } }
        changing[name] = []
    }

    private func endChange(of name: String) {
        for waiter in changing.removeValue(forKey: name) ?? [] { waiter.resume() }
    }

    /// Waits until no component of the plugin is being given other settings.
    func replacementsEnded(_ id: String) async {
        while let count = plugins[id]?.replacements, count > 0 {
            await withCheckedContinuation { plugins[id]?.replacementWaiters.append($0) }
        }
    }

    private func endReplacement(of id: String) {
        plugins[id]?.replacements -= 1
        guard plugins[id]?.replacements == 0 else { return }
        let waiters = plugins[id]?.replacementWaiters ?? []
        plugins[id]?.replacementWaiters = []
        for waiter in waiters { waiter.resume() }
    }
}
