import Arguments
import Runtime

/// Flags of `octavo run` about what is read from files.
struct ResourceFlags: ParsableArguments {
    @Option(
        name: [.customLong("resources-path"), .customShort("d"), .customLong("components-path")],
        help: ArgumentHelp(
            "Folder or file with components, subscriptions and resiliency. Repeatable.", valueName: "path"))
    var resourcesPaths: [String] = []
    @Option(
        name: [.customLong("config"), .customShort("c")],
        help: ArgumentHelp("Configuration file. Repeatable; later ones win.", valueName: "file"))
    var configurations: [String] = []
    @Option(
        name: .customLong("plugins-dir"),
        help: ArgumentHelp(
            "Folder with plugins. Repeatable. (default: the installed ones, found from the executable)",
            valueName: "folder"))
    var pluginsDirs: [String] = []

    @Flag(
        help: "Reload a plugin when its file in a plugins folder changes. (default: the configuration's spec.plugins.watch, else off)")
    var watch = false

    @Option(
        name: .customLong("isolate"),
        help: ArgumentHelp(
            "Run this plugin in a process of its own, where a crash harms nothing else; `all` for every plugin, "
                + "`third-party` for those that did not come with Octavo. Repeatable.", valueName: "plugin"),
        completion: NameCompletion.plugins)
    var isolated: [String] = []

    @Option(
        help: ArgumentHelp(
            "Crashes within a minute after which an isolated plugin is only tried every 30 s; 0: never, it is always "
                + "started again at once. (default: the configuration's, else 5)", valueName: "crashes"))
    var crashLoopLimit: Int?

    @Option(
        help: ArgumentHelp(
            "What becomes of a plugin that has crashed the runtime: `isolate`, it runs in a process of its own from the "
                + "next start on; `off`, it is reported. (default: the configuration's, else isolate)", valueName: "reaction"))
    var onCrash: CrashReaction?

    func apply(to options: inout RuntimeOptions) {
        options.resourcePaths = Self.splitAtCommas(resourcesPaths)
        options.configurationPaths = Self.splitAtCommas(configurations)
        options.pluginFolders = pluginsDirs.isEmpty ? DefaultFolders.plugins() : pluginsDirs
        options.crashLoopLimit = crashLoopLimit.map { max(0, $0) }
        options.onCrash = onCrash
        options.watchesPlugins = watch ? true : nil
        options.shippedPluginFolders = DefaultFolders.plugins()
        options.isolatedPlugins = Self.splitAtCommas(isolated)
        options.pluginHost = DefaultFolders.pluginHost()
    }

    /// Dapr's repeatable flags also take a list with commas.
    private static func splitAtCommas(_ values: [String]) -> [String] {
        values.flatMap { $0.split(separator: ",").map(String.init) }
    }
}

extension CrashReaction: ExpressibleByArgument {}
