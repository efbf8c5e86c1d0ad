import Logging

extension ComponentStore {
    /// How a build of a plugin is to run in a helper process; `nil` for this one.
    func isolation(for build: PluginInspection) -> LoadedPlugin.Isolation? {
        let (mode, reason) = isolationDecision(for: build)
        if mode == .none { return nil }
        return LoadedPlugin.Isolation(
            options: options.isolation, settings: options.isolation.settings(of: build.id), reason: reason,
            groups: isolationGroups, loops: loops, logger: logger)
    }

    /// What the operator has said of the running runtime comes first, then a component's word (of two that say different
    /// things the safer one), command line and configuration. That the plugin has crashed the runtime comes before all
    /// but a word that names it.
    private func isolationDecision(for build: PluginInspection) -> (mode: IsolationMode, reason: String) {
        let id = build.id
        let time = options.isolation.isolatesCrashed ? crashed.crash(of: build) : nil
        let (said, isNamed) = wordOfOperator(on: id)
        guard let time, said.mode == .none else { return said }
        let crash = CrashedPlugins.reason(time)
        if isNamed {
            logger.warning(
                "a plugin that has crashed the runtime runs in its process all the same, because the operator says so",
                metadata: ["plugin": "\(id)", "crash": "\(crash)", "because": "\(said.reason)"])
            return said
        }
        if options.isolation.host == nil {
            logger.error(
                "a plugin that has crashed the runtime can't be isolated and runs in its process again",
                metadata: [
                    "plugin": "\(id)", "crash": "\(crash)",
                    "cause": "octavo-plugin-host is neither beside the executable nor in ../lib/octavo; install it",
                ])
            return said
        }
        return (.process, crash)
    }

    /// … and whether it names the plugin, or a component of it.
    private func wordOfOperator(on id: String) -> (word: (mode: IsolationMode, reason: String), isNamed: Bool) {
        if let mode = overrides.modes[id] { return ((mode, "`octavo plugin isolate`"), true) }
        let users = components.values.filter { $0.definition.isolation != nil && plugins[id]?.offers($0.definition.type) == true }
        if let user = users.first(where: { $0.definition.isolation == .process }) ?? users.first {
            return ((user.definition.isolation ?? .none, "component \(user.definition.name) asks for it"), true)
        }
        let word = options.isolation.decision(id: id, path: plugins[id]?.inspection.path ?? "")
        return (word, options.isolation.settings[id]?.mode == IsolationMode.none)
    }
}
