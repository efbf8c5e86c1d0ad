import COctavo
import COctavoHost

extension ComponentStore {
    /// What a reload did.
    package struct ReloadReport: Sendable {
        package var plugin: String
        package var from: Int
        package var to: Int
        package var version: String
        package var components: [String]
        /// Why the old code stays mapped, `nil` when it is gone.
        package var stillMapped: String?
    }

    /// Puts a new build of a plugin in the place of the one that runs. Makes before it breaks: the new
    /// generation is loaded, its components are made, started and asked for their health beside the old
    /// ones; only then new calls go to it. On any failure nothing has changed. Instances that can't run
    /// side by side are replaced while their calls wait.
    package func reload(_ id: String, path: String? = nil) async throws(StoreError) -> ReloadReport {
        guard let known = plugins[id] else { throw .plugin(.notFound(name: id, places: options.pluginFolders)) }
        guard !known.isReloading, !isStopping else { throw .busy(id: id) }
        plugins[id]?.isReloading = true
        defer { endReload(id) }
        await replacementsEnded(id)
        if let loading = known.loading { _ = await loading.value }
        guard let entry = plugins[id] else { throw .plugin(.notFound(name: id, places: options.pluginFolders)) }
        plugins[id]?.nextGeneration += 1
        let next: LoadedPlugin
        do throws(PluginError) {
            let path = path ?? entry.inspection.path
            // Whether it has crashed the runtime is a question to the build that is there now.
            next = try await LoadedPlugin.load(
                path: path, generation: entry.nextGeneration, staging: staging,
                isolation: isolation(for: crashed.entries[id] == nil ? entry.inspection : PluginInspection(path: path)))
        } catch {
            throw .plugin(error)
        }
        guard next.id == id else {
            _ = await retire(next, because: nil)
            throw .otherPlugin(path: next.inspection.path, id: next.id, expected: id)
        }
        let users = self.users(of: id)
        do throws(StoreError) {
            try await replaceAll(users, by: next)
        } catch {
            _ = await retire(next, because: nil)
            throw error
        }
        plugins[id]?.current = next
        plugins[id]?.inspection = next.inspection
        plugins[id]?.failure = nil
        startFailed(of: id)
        var report = ReloadReport(
            plugin: id, from: entry.current?.generation ?? 0, to: next.generation, version: next.version,
            components: users.map(\.definition.name))
        var remains: String?
        for user in users {
            guard let instance = user.instance, !instance.type.runsAlone else { continue }
            remains = await finish(instance, within: .seconds(30)) ?? remains
        }
        if let old = entry.current { report.stillMapped = await retire(old, because: remains) }
        logger.info(
            "plugin reloaded",
            metadata: [
                "plugin": "\(id)", "version": "\(next.version)", "generation": "\(next.generation)",
                "components": "\(report.components.joined(separator: ", "))",
            ])
        return report
    }

    private func endReload(_ id: String) {
        let waiters = plugins[id]?.reloadWaiters ?? []
        plugins[id]?.isReloading = false
        plugins[id]?.reloadWaiters = []
        for waiter in waiters { waiter.resume() }
    }

    /// All components go to the new generation, or all stay where they are.
    private func replaceAll(_ users: [ComponentEntry], by next: LoadedPlugin) async throws(StoreError) {
        let alone = users.filter { $0.instance?.type.runsAlone == true }
        let sideBySide = users.filter { $0.instance?.type.runsAlone != true }
        let made = try await makeReplacements(sideBySide, of: next)
        var replaced: [ComponentEntry] = []
        do throws(StoreError) {
            for user in alone {
                try await replaceAlone(user, by: next)
                replaced.append(user)
            }
            try await switchOver(sideBySide, to: made)
        } catch {
            for user in replaced { await goBack(user) }
            for instance in made.values { await discard(instance) }
            throw error
        }
    }

    /// A started and healthy instance of the new generation for each component of the old one.
    private func makeReplacements(
        _ users: [ComponentEntry], of next: LoadedPlugin
    ) async throws(StoreError) -> [String: ComponentInstance] {
        var made: [String: ComponentInstance] = [:]
        for user in users {
            do throws(StoreError) {
                made[user.definition.name] = try await makeReplacement(user, of: next)
            } catch {
                for instance in made.values { await discard(instance) }
                throw error
            }
        }
        return made
    }

    private func makeReplacement(
        _ user: ComponentEntry, of next: LoadedPlugin
    ) async throws(StoreError) -> ComponentInstance {
        let name = user.definition.name
        do throws(StartFailure) {
            let instance = try await makeInstance(try await resolved(user.definition), of: next)
            if let failure = await instance.checkHealth(timeout: .seconds(1)) {
                await discard(instance)
                throw StartFailure(message: failure.message, isPermanent: false)
            }
            instance.health.report(.healthy, "")
            return instance
        } catch {
            if let unstarted = error.instance { await discard(unstarted) }
            throw .replacementFailed(component: name, version: next.version, cause: error.message)
        }
    }

    // MARK: Side by side

    /// New calls go to the new instances. Where state lives in the instance, calls wait while it is taken
    /// over, so that none can see half of it.
    private func switchOver(
        _ users: [ComponentEntry], to made: [String: ComponentInstance]
    ) async throws(StoreError) {
        for user in users where user.instance?.type.holdsState == true {
            guard let old = user.instance, let new = made[user.definition.name] else { continue }
            await park(user.definition.name)
            if let cause = await handOver(from: old, to: new) {
                for user in users { await settle(user.definition.name, with: user.instance, unavailable: nil) }
                throw .replacementFailed(component: user.definition.name, version: new.plugin.version, cause: cause)
            }
        }
        for (name, instance) in made { await install(instance, as: name) }
    }

    /// `nil`, or why the state can't be taken over.
    func handOver(from old: ComponentInstance, to new: ComponentInstance) async -> String? {
        // What was delivered and not settled is state, too.
        await awaitSources(of: old, within: Handoff.limit)
        let deadline = ContinuousClock.now + Handoff.limit
        while old.counters.inFlight > 0 {
            guard ContinuousClock.now < deadline else {
                return "its calls under way did not end within \(Handoff.limit)"
            }
            try? await Task.sleep(for: .milliseconds(1))
        }
        return await Handoff.run(from: old, to: new)
    }

    func park(_ name: String) async {
        await onLoops { loop in loop.component(named: name)?.beginParking() }
    }

    func install(_ instance: ComponentInstance, as name: String) async {
        guard components[name] != nil else {
            await discard(instance)
            return
        }
        components[name]?.letGo()
        components[name]?.instance = instance
        components[name]?.since = wallSeconds()
        await settle(name, with: instance, unavailable: nil)
    }

    // MARK: One after the other

    /// Ends the old instance, then makes the new one, while calls wait. When that fails the old build
    /// serves again.
    private func replaceAlone(_ user: ComponentEntry, by next: LoadedPlugin) async throws(StoreError) {
        let name = user.definition.name
        guard let old = user.instance else { return }
        guard !old.type.holdsState else {
            throw .replacementFailed(
                component: name, version: next.version,
                cause: "\(old.type.name) holds its state in memory and can't run twice, so it can't be handed over")
        }
        await park(name)
        components[name]?.letGo()
        _ = await finish(old, within: .seconds(10))
        do throws(StoreError) {
            await install(try await makeReplacement(user, of: next), as: name)
        } catch {
            if let plugin = user.instance?.plugin { await restore(name, user.definition, of: plugin) }
            throw error
        }
    }

    /// The old build again, after a reload that did not work out.
    private func goBack(_ user: ComponentEntry) async {
        let name = user.definition.name
        guard let instance = components[name]?.instance else { return }
        await park(name)
        components[name]?.letGo()
        _ = await finish(instance, within: .seconds(10))
        if let plugin = user.instance?.plugin { await restore(name, user.definition, of: plugin) }
    }

    /// An instance as the one before was, after its replacement has failed.
    func restore(_ name: String, _ definition: ComponentDefinition, of plugin: LoadedPlugin) async {
        do throws(StartFailure) {
            await install(try await makeInstance(try await resolved(definition), of: plugin), as: name)
        } catch {
            if let unstarted = error.instance { await discard(unstarted) }
            // Neither build starts now: as for any component that does not start, it is tried again.
            startAgain(name, after: error)
            await settle(
                name, with: nil,
                unavailable: CallError(
                    code: OCTAVO_CODE_UNAVAILABLE, reason: "COMPONENT_STARTING",
                    message: "the component is not ready: \(error.message)"))
        }
    }
}

extension PluginType {
    /// Two instances of a component can't be there at the same time.
    var runsAlone: Bool { isExclusive || isSingleton }
}
