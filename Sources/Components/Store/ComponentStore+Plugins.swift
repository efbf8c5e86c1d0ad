import COctavo
import Glibc

extension ComponentStore {
    /// The loaded plugin that offers a component type; loads it the first time.
    func plugin(for type: String) async throws(StartFailure) -> LoadedPlugin {
        if plugins.values.allSatisfy({ !$0.offers(type) }) { await loadUndescribed(until: type) }
        guard let id = plugins.values.first(where: { $0.offers(type) })?.inspection.id else {
            let known = plugins.values.flatMap { $0.inspection.note?.types ?? [] }
            let hint = nearest(type, in: known).map { "; did you mean \($0)?" } ?? ""
            throw .permanent(
                "no plugin in \(options.pluginFolders.joined(separator: ", ")) offers \(type)\(hint); "
                    + "see `octavo plugin list`")
        }
        await reloadEnded(id)
        do throws(PluginError) {
            return try await loaded(id)
        } catch {
            throw .permanent(error.description)
        }
    }

    /// Plugins without a note don't say what they offer until they are loaded.
    private func loadUndescribed(until type: String) async {
        for entry in plugins.values.sorted(by: { $0.inspection.path < $1.inspection.path })
        where entry.inspection.note == nil && entry.current == nil && entry.failure == nil {
            _ = try? await loaded(entry.inspection.id)
            if plugins[entry.inspection.id]?.offers(type) == true { return }
        }
    }

    /// Waits for a reload that is under way.
    func reloadEnded(_ id: String) async {
        while plugins[id]?.isReloading == true {
            await withCheckedContinuation { plugins[id]?.reloadWaiters.append($0) }
        }
    }

    /// The current generation of a plugin. Loading happens once, whoever asks meanwhile waits for it.
    func loaded(_ id: String) async throws(PluginError) -> LoadedPlugin {
        guard let entry = plugins[id] else { throw .notFound(name: id, places: options.pluginFolders) }
        if let current = entry.current { return current }
        if let loading = entry.loading { return try await loading.value.get() }
        let generation = entry.nextGeneration
        let path = entry.inspection.path
        let staging = self.staging
        let isolation = isolation(for: entry.inspection)
        let task = Task { () -> Result<LoadedPlugin, PluginError> in
            do throws(PluginError) {
                return .success(
                    try await LoadedPlugin.load(
                        path: path, generation: generation, staging: staging, isolation: isolation))
            } catch {
                return .failure(error)
            }
        }
        plugins[id]?.loading = task
        plugins[id]?.nextGeneration += 1
        let result = await task.value
        plugins[id]?.loading = nil
        switch result {
        case .success(let plugin):
            if let clash = clash(of: plugin, known: id) {
                plugins[id]?.failure = clash
                _ = await retire(plugin, because: nil)
                throw clash
            }
            plugins[id]?.current = plugin
            plugins[id]?.failure = nil
            return plugin
        case .failure(let error):
            plugins[id]?.failure = error
            throw error
        }
    }

    /// What a plugin without a note reveals only when it is loaded: an id or a type of another one.
    private func clash(of plugin: LoadedPlugin, known id: String) -> PluginError? {
        let others = plugins.filter { $0.key != id }
        if let other = others[plugin.id] {
            return .duplicatePlugin(path: plugin.inspection.path, id: plugin.id, other: other.inspection.path)
        }
        for type in plugin.types.flatMap({ [$0.name] + $0.aliases }) {
            if let other = others.values.first(where: { $0.offers(type) }) {
                return .duplicateType(path: plugin.inspection.path, type: type, other: other.inspection.path)
            }
        }
        return nil
    }

    /// Adds a file to the known plugins and loads it. `isNew` is false when that very file is loaded already.
    package func load(path: String) async throws(StoreError) -> (id: String, isNew: Bool) {
        do throws(PluginError) {
            let inspection = try PluginInspection(path: path)
            let known = plugins[inspection.id]
            if let other = known {
                guard samePlace(path, other.inspection.path) else {
                    throw PluginError.duplicatePlugin(path: path, id: inspection.id, other: other.inspection.path)
                }
                if let current = other.current {
                    guard current.inspection.identity == inspection.identity else {
                        throw PluginError.changedSinceLoaded(path: path, id: inspection.id)
                    }
                    return (inspection.id, false)
                }
            }
            for type in inspection.note?.types ?? [] {
                if let other = plugins.values.first(where: { $0.inspection.id != inspection.id && $0.offers(type) }) {
                    throw PluginError.duplicateType(path: path, type: type, other: other.inspection.path)
                }
            }
            if known == nil {
                plugins[inspection.id] = PluginEntry(inspection: inspection)
            } else {
                plugins[inspection.id]?.inspection = inspection
            }
            do throws(PluginError) {
                _ = try await loaded(inspection.id)
            } catch {
                if known == nil { plugins[inspection.id] = nil }
                throw error
            }
            // What the scan of the folders said of the file is over.
            catalog.rejected.removeAll { samePlace($0.path, path) }
            startFailed(of: inspection.id)
            return (inspection.id, true)
        } catch {
            throw .plugin(error)
        }
    }

    /// Tries components of the plugin's types again that had failed for good: another build may do what the one
    /// before could not, and there may have been none.
    func startFailed(of id: String) {
        guard let entry = plugins[id] else { return }
        for (name, component) in components where component.state == .failed && entry.offers(component.definition.type) {
            components[name]?.reason = ""
            startInBackground(name)
        }
    }

    /// Whether two paths lead to one file.
    func samePlace(_ one: String, _ other: String) -> Bool {
        if one == other { return true }
        guard let first = realpath(one, nil), let second = realpath(other, nil) else { return false }
        defer {
            free(first)
            free(second)
        }
        return strcmp(first, second) == 0
    }

    /// Takes a plugin that no component uses out of the process. Returns why its code stays mapped, if
    /// it does.
    package func unload(_ id: String) async throws(StoreError) -> String? {
        guard let entry = plugins[id] else { throw .plugin(.notFound(name: id, places: options.pluginFolders)) }
        guard !entry.isReloading else { throw .busy(id: id) }
        let users = components.values.filter { entry.offers($0.definition.type) }
        guard users.isEmpty else { throw .pluginInUse(id: id, components: users.map(\.definition.name).sorted()) }
        plugins[id]?.current = nil
        guard let current = entry.current else { return nil }
        return await retire(current, because: nil)
    }

    /// Starts the process of an isolated plugin anew. Returns once there is another, or after five seconds.
    package func restart(_ id: String) async {
        guard let processes = plugins[id]?.current?.processes else { return }
        let before = processes.map(\.isolated.facts.pid)
        for process in processes { process.isolated.restart() }
        let limit = ContinuousClock.now + .seconds(5)
        while ContinuousClock.now < limit, zip(processes, before).contains(where: { [0, $1].contains($0.isolated.facts.pid) }) {
            try? await Task.sleep(for: .milliseconds(1))
        }
    }

    /// Components whose instance is of the plugin.
    func users(of id: String) -> [ComponentEntry] {
        components.values.filter { $0.instance?.plugin === plugins[id]?.current && $0.instance != nil }
            .sorted { $0.definition.name < $1.definition.name }
    }

    /// Ends a generation. `because`: why it must stay mapped whatever its class is. Returns why it is
    /// still mapped, `nil` when it is gone.
    func retire(_ plugin: LoadedPlugin, because reason: String?) async -> String? {
        var mapped = reason
        if mapped == nil { mapped = await plugin.retire() }
        guard let mapped else {
            staging.remove(plugin.copy)
            return nil
        }
        plugins[plugin.id]?.retired.append((plugin.generation, mapped))
        if plugin.instances > 0 { retireLater(plugin) }
        let count = plugins[plugin.id]?.retired.count ?? 0
        if count >= 3 {
            logger.warning(
                "old generations of a plugin stay mapped; restart the runtime to free them",
                metadata: ["plugin": "\(plugin.id)", "generations": "\(count)", "cause": "\(mapped)"])
        }
        return mapped
    }

    /// Waits for the last instance of a generation, however long that takes.
    private func retireLater(_ plugin: LoadedPlugin) {
        Task {
            while plugin.instances > 0 { try? await Task.sleep(for: .milliseconds(100)) }
            let mapped = await plugin.retire()
            plugins[plugin.id]?.retired.removeAll { $0.generation == plugin.generation }
            if let mapped {
                plugins[plugin.id]?.retired.append((plugin.generation, mapped))
            } else {
                staging.remove(plugin.copy)
            }
        }
    }
}
