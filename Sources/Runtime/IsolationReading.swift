import Components
import Resources

extension IsolationOptions {
    /// What the command line and the configuration say together.
    init(_ options: RuntimeOptions, _ settings: IsolationSettings) {
        self.init()
        host = options.pluginHost
        crashLoopLimit = options.crashLoopLimit ?? settings.crashLoopLimit ?? crashLoopLimit
        isolatesCrashed = (options.onCrash ?? settings.onCrash.flatMap { CrashReaction(rawValue: $0) } ?? .isolate) == .isolate
        everything = options.isolatedPlugins.contains("all")
        thirdParty = options.isolatedPlugins.contains("third-party")
        plugins = Set(options.isolatedPlugins)
        cgroup = settings.cgroup.map { $0 == "off" ? .off : $0 == "auto" ? .auto : .folder($0) } ?? cgroup
        shippedFolders = options.shippedPluginFolders
        standard = settings.standard.flatMap { IsolationMode(rawValue: $0) } ?? .none
        standardOfThirdParty = settings.thirdParty.flatMap { IsolationMode(rawValue: $0) }
        for plugin in settings.plugins { self.settings[plugin.name] = PluginIsolation(plugin) }
        for group in settings.groups { groups[group.name] = PluginIsolation(group.process) }
    }
}

extension PluginIsolation {
    fileprivate init(_ plugin: IsolationSettings.Plugin) {
        self.init(plugin.process)
        mode = plugin.mode.flatMap { IsolationMode(rawValue: $0) }
        group = plugin.group
        isPerComponent = plugin.scope == "component"
        // Whoever says which process means that there is one.
        if mode == nil, group != nil || isPerComponent { mode = .process }
    }

    fileprivate init(_ plugin: IsolationSettings.Process) {
        self.init()
        spares = plugin.spares ?? 0
        limits.memory = plugin.memory
        limits.milliCPUs = plugin.milliCPUs
        limits.cpuSeconds = plugin.cpuSeconds
        limits.descriptors = plugin.descriptors
        limits.processes = plugin.processes
        limits.profile = plugin.seccomp.flatMap { HelperLimits.Profile(rawValue: $0) } ?? .none
        limits.hasNetwork = plugin.network != "none"
        limits.environment = plugin.environment
        limits.watchesHangs = plugin.hangs != "ignore"
    }
}
