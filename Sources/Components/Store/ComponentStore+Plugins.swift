import COctavo

extension ComponentStore {
    /// The loaded plugin that offers a component type; loads it the first time.
    func plugin(for type: String) async throws(StartFailure) -> LoadedPlugin {
        guard let id = plugins.values.first(where: { $0.offers(type) })?.inspection.id else {
            let known = plugins.values.flatMap { $0.inspection.note?.types ?? [] }
            let hint = nearest(type, in: known).map { "; did you mean \($0)?" } ?? ""
            throw .permanent(
                "no plugin in \(options.pluginFolders.joined(separator: ", ")) offers \(type)\(hint); "
                    + "see `octavo plugin list`")
        }
        do throws(PluginError) {
            return try await loaded(id)
        } catch {
            throw .permanent(error.description)
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
        let task = Task { () -> Result<LoadedPlugin, PluginError> in
            do throws(PluginError) {
                return .success(try await LoadedPlugin.load(path: path, generation: generation, staging: staging))
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
            plugins[id]?.current = plugin
            plugins[id]?.failure = nil
        case .failure(let error):
            plugins[id]?.failure = error
        }
        return try result.get()
    }

    /// Adds a file to the known plugins and loads it.
    package func load(path: String) async throws(StoreError) -> String {
        do throws(PluginError) {
            let inspection = try PluginInspection(path: path)
            if let other = plugins[inspection.id] {
                throw PluginError.duplicatePlugin(path: path, id: inspection.id, other: other.inspection.path)
            }
            for type in inspection.note?.types ?? [] {
                if let other = plugins.values.first(where: { $0.offers(type) }) {
                    throw PluginError.duplicateType(path: path, type: type, other: other.inspection.path)
                }
            }
            plugins[inspection.id] = PluginEntry(inspection: inspection)
            do throws(PluginError) {
                _ = try await loaded(inspection.id)
            } catch {
                plugins[inspection.id] = nil
                throw error
            }
            return inspection.id
        } catch {
            throw .plugin(error)
        }
    }

    /// Takes a plugin that no component uses out of the process. Returns why its code stays mapped, if
    /// it does.
    package func unload(_ id: String) async throws(StoreError) -> String? {
        guard let entry = plugins[id] else { throw .plugin(.notFound(name: id, places: options.pluginFolders)) }
        let users = users(of: id)
        guard users.isEmpty else { throw .pluginInUse(id: id, components: users.map(\.definition.name).sorted()) }
        plugins[id]?.current = nil
        guard let current = entry.current else { return nil }
        return await retire(current, because: nil)
    }

    /// Components whose instance is of the plugin.
    func users(of id: String) -> [ComponentEntry] {
        components.values.filter { $0.instance?.plugin.id == id }
    }

    /// Ends a generation. `because`: why it must stay mapped whatever its class is.
    func retire(_ plugin: LoadedPlugin, because reason: String?) async -> String? {
        let mapped = reason == nil ? await plugin.retire() : reason
        if let mapped {
            plugins[plugin.id]?.retired.append((plugin.generation, mapped))
            let count = plugins[plugin.id]?.retired.count ?? 0
            if count >= 3 {
                logger.warning(
                    "old generations of a plugin stay mapped; restart the runtime to free them",
                    metadata: ["plugin": "\(plugin.id)", "generations": "\(count)", "cause": "\(mapped)"])
            }
        } else {
            staging.remove(plugin.copy)
        }
        return mapped
    }
}
