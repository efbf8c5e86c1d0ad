import Arguments

/// `octavo plugin`
struct PluginCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plugin",
        abstract: "List, describe, load, unload, reload, isolate, check and begin plugins.",
        subcommands: [
            PluginListCommand.self, PluginDescribeCommand.self, PluginLoadCommand.self, PluginUnloadCommand.self,
            PluginReloadCommand.self, PluginRestartCommand.self, PluginIsolateCommand.self,
            PluginTopCommand.self, PluginCrashesCommand.self, PluginQuarantineCommand.self, PluginCheckCommand.self,
            PluginNewCommand.self,
        ])
}
