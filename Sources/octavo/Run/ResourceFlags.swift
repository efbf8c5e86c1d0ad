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

    func apply(to options: inout RuntimeOptions) {
        options.resourcePaths = Self.splitAtCommas(resourcesPaths)
        options.configurationPaths = Self.splitAtCommas(configurations)
        options.pluginFolders = pluginsDirs.isEmpty ? DefaultFolders.plugins() : pluginsDirs
    }

    /// Dapr's repeatable flags also take a list with commas.
    private static func splitAtCommas(_ values: [String]) -> [String] {
        values.flatMap { $0.split(separator: ",").map(String.init) }
    }
}
