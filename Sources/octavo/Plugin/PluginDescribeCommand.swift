import AdminAPI
import Arguments
import Console

/// `octavo plugin describe`
struct PluginDescribeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "describe",
        abstract: "Show a plugin's types, what their metadata may hold, and how it does.",
        discussion: """
            A name is asked of the runtime. A file (with a slash, or ending in .so) is read without one, and none \
            of its code runs.

            EXAMPLES
              octavo plugin describe redis
              octavo plugin describe ./liboctavo-plugin-redis.so --json
            """)

    @OptionGroup var admin: AdminFlags
    @Argument(help: "A plugin's name, or its file.", completion: NameCompletion.plugins)
    var plugin: String

    func run() throws {
        let description =
            PluginFiles.isFile(plugin) ? try PluginFiles.describe(plugin) : try admin.client().plugin(named: plugin)
        admin.output.write(description) { PluginView.text(description, on: $0) }
    }
}
