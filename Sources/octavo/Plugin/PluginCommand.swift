import Arguments

/// `octavo plugin`
struct PluginCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plugin",
        abstract: "List, describe, load, unload and reload plugins.",
        subcommands: [
            PluginListCommand.self, PluginDescribeCommand.self, PluginLoadCommand.self, PluginUnloadCommand.self,
            PluginReloadCommand.self, PluginRestartCommand.self, PluginCrashesCommand.self,
        ])
}
