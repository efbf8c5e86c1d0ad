import Glibc

/// Where plugins run: what the operator has said on the command line and in the configuration.
package struct IsolationOptions: Sendable {
    /// The path of `octavo-plugin-host`; `nil` when it was not found.
    package var host: String?
    /// Deaths within a minute after which a plugin is only tried every 30 s; 0 is never.
    package var crashLoopLimit = 5
    /// Told of every death that nobody asked for, and again once the functions of its backtrace have names. From any
    /// thread.
    package var onCrash: (@Sendable (CrashFacts) -> Void)?

    /// Of the command line: ids of plugins, all of them, all that did not come with the runtime.
    package var plugins: Set<String> = []
    package var everything = false
    package var thirdParty = false

    /// Of the configuration: for plugins that it does not name.
    package var standard = IsolationMode.none
    /// … and that did not come with the runtime; `nil`: as the others.
    package var standardOfThirdParty: IsolationMode?
    /// … by id.
    package var settings: [String: PluginIsolation] = [:]
    /// Of groups, by name.
    package var groups: [String: PluginIsolation] = [:]
    /// Folders with the plugins that came with the runtime.
    package var shippedFolders: [String] = []

    /// Whether a plugin that has crashed the runtime runs isolated from then on.
    package var isolatesCrashed = true
    /// Whether helper processes get control groups.
    package var cgroup = CgroupSetting.auto

    package init() {}

    /// Where a plugin runs, and who says so ("--isolate", "the configuration"). A component's own word comes
    /// before this; then the command line, the configuration's entry, its default.
    func decision(id: String, path: String) -> (mode: IsolationMode, reason: String) {
        if plugins.contains(id) { return (.process, "--isolate \(id)") }
        if everything { return (.process, "--isolate all") }
        let isShipped = isShipped(path)
        if thirdParty, !isShipped { return (.process, "--isolate third-party") }
        if let mode = settings[id]?.mode { return (mode, "the configuration names it") }
        if !isShipped, let mode = standardOfThirdParty { return (mode, "the configuration, for plugins of third parties") }
        return (standard, "the configuration's default")
    }

    /// What the process of a plugin is like: its group's word, if it is in one.
    func settings(of id: String) -> PluginIsolation {
        guard let own = settings[id] else { return PluginIsolation() }
        guard let group = own.group else { return own }
        var shared = groups[group] ?? PluginIsolation()
        shared.group = group
        return shared
    }

    /// By where the file really is: a name proves nothing.
    private func isShipped(_ path: String) -> Bool {
        let place = realPath(path)
        return shippedFolders.contains { place.hasPrefix(realPath($0) + "/") }
    }
}

/// Without links; the path itself when there is no such file.
private func realPath(_ path: String) -> String {
    guard let real = realpath(path, nil) else { return path }
    defer { free(real) }
    return String(cString: real)
}

/// In whose process a plugin's code runs.
package enum IsolationMode: String, Sendable, CaseIterable {
    /// The runtime's.
    case none
    /// A helper's.
    case process
}

/// What the configuration says of one plugin.
package struct PluginIsolation: Sendable, Equatable {
    /// `nil`: as the default.
    package var mode: IsolationMode?
    /// Processes that are loaded and wait to take over.
    package var spares = 0
    /// Plugins of one group share a process, whose settings are the group's.
    package var group: String?
    /// Each component has a process of its own.
    package var isPerComponent = false
    package var limits = HelperLimits()

    package init() {}
}
