import AdminAPI
import Arguments
import Console
import Glibc

/// `octavo plugin list`
struct PluginListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List plugins with their state and figures.",
        discussion: """
            Without a runtime it lists the plugin folder, from the files alone; no code of them runs.

            EXAMPLES
              octavo plugin list
              octavo plugin list --json | jq -r '.plugins[].name'
              octavo plugin list --offline --plugins-dir ./plugins
            """)

    @OptionGroup var admin: AdminFlags
    @Flag(help: "List files, even if a runtime is running.")
    var offline = false
    @Option(
        name: .customLong("plugins-dir"),
        help: ArgumentHelp("Folder to list without a runtime. Repeatable.", valueName: "folder"))
    var pluginsDirs: [String] = []

    func run() throws {
        if offline { return listFiles() }
        do {
            let list = try admin.client().plugins()
            admin.output.write(list) { PluginView.table(list.plugins, on: $0) }
        } catch AdminClientError.unreachable(let message) {
            // Someone who named a runtime wants that one.
            if admin.appID != nil || admin.adminSocket != nil { throw AdminClientError.unreachable(message) }
            Terminal.write("octavo: \(message.printable) These are the files:\n", to: STDERR_FILENO)
            listFiles()
        }
    }

    private func listFiles() {
        let folders = pluginsDirs.isEmpty ? DefaultFolders.plugins() : pluginsDirs
        let plugins = PluginFiles.list(folders: folders)
        admin.output.write(PluginList(plugins: plugins)) { terminal in
            plugins.isEmpty
                ? "No plugins in \(folders.joined(separator: ", ")).\n" : PluginView.fileTable(plugins, on: terminal)
        }
    }
}
