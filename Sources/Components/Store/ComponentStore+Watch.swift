import Glibc

extension ComponentStore {
    /// Takes new builds of plugins in as their files change, until the store shuts down.
    package func followFiles() async {
        guard let changes = watch?.changes else { return }
        logger.info("plugins folders are watched", metadata: ["folders": "\(options.pluginFolders.joined(separator: ", "))"])
        for await path in changes { await fileSettled(path) }
    }

    /// A plugin's files have changed, it may be, and nobody writes to them at the moment.
    private func fileSettled(_ path: String) async {
        if isStopping { return }
        guard access(path, F_OK) == 0 else {
            refusals[path] = nil
            if let id = known(at: path) {
                logger.info("the file of a plugin was removed; the build that is loaded goes on", metadata: ["plugin": "\(id)", "path": "\(path)"])
            }
            return
        }
        let content = await ControlThread.run { PluginContent(of: path) }
        let id = known(at: path)
        if let id {
            await reloadEnded(id)
            if let loading = plugins[id]?.loading { _ = await loading.value }
            if await isUnchanged(id, path, content) {
                refusals[path] = nil
                return
            }
        }
        do throws(StoreError) {
            if let id, plugins[id]?.current != nil {
                _ = try await reload(id, path: path)
            } else {
                let (id, isNew) = try await load(path: path)
                if isNew { logger.info("plugin loaded", metadata: ["plugin": "\(id)", "path": "\(path)"]) }
            }
            refusals[path] = nil
        } catch {
            if case .busy = error { return isStopping ? () : await fileSettled(path) }
            // Another writer has come meanwhile, whose end will be heard of.
            if await ControlThread.run({ PluginContent(of: path) }) != content { return }
            let refusal = Refusal(content: content, cause: error.description)
            if refusals[path] == refusal { return }
            refusals[path] = refusal
            logger.error("a changed plugin was not taken in", metadata: ["path": "\(path)", "cause": "\(error)"])
        }
    }

    /// What was said of a file, which is not said again of the same content.
    struct Refusal: Equatable {
        var content: PluginContent?
        var cause: String
    }

    /// The plugin of that file; of a new file the one with its id, if that one's file has gone.
    private func known(at path: String) -> String? {
        if let id = plugins.first(where: { $0.value.inspection.path == path })?.key { return id }
        guard let id = (try? PluginInspection(path: path))?.id, let other = plugins[id]?.inspection.path else { return nil }
        return access(other, F_OK) == 0 && !samePlace(path, other) ? nil : id
    }

    /// Whether the file is what runs, or what waits to be loaded.
    private func isUnchanged(_ id: String, _ path: String, _ content: PluginContent?) async -> Bool {
        guard let content, let entry = plugins[id] else { return false }
        guard let copy = entry.current?.copy else {
            return entry.inspection.path == path && (try? PluginInspection(path: path))?.identity == entry.inspection.identity
        }
        return await ControlThread.run { PluginContent(ofCopy: copy) } == content
    }
}
