import AdminAPI
import Arguments
import Console
import Glibc

/// `octavo plugin load`
struct PluginLoadCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "load",
        abstract: "Load a plugin from a file into the runtime.",
        discussion: """
            Components that wait for one of its types start.

            EXAMPLES
              octavo plugin load ./liboctavo-plugin-redis.so
            """)

    @OptionGroup var admin: AdminFlags
    @Argument(help: "The shared object.", completion: .file(extensions: ["so"]))
    var file: String

    func run() throws {
        let path = try PluginFiles.absolutePath(file)
        let change = try Progress.shown("Loading \(file)") { try admin.client().loadPlugin(file: path) }
        admin.output.write(change) { _ in PluginChangeView.text(change, verb: "Loaded") }
    }
}

/// `octavo plugin unload`
struct PluginUnloadCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "unload",
        abstract: "Drain a plugin's components, stop them and let go of the plugin.",
        discussion: """
            Refused while components need it, unless --force is given.

            EXAMPLES
              octavo plugin unload redis
              octavo plugin unload redis --force
            """)

    @OptionGroup var admin: AdminFlags
    @Argument(help: "The plugin's name.", completion: NameCompletion.plugins)
    var name: String
    @Flag(help: "Also stop the components that need it.")
    var force = false

    func run() throws {
        let change = try Progress.shown("Unloading \(name)") {
            try admin.client().unloadPlugin(named: name, force: force)
        }
        admin.output.write(change) { _ in PluginChangeView.text(change, verb: "Unloaded") }
    }
}

/// `octavo plugin reload`
struct PluginReloadCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reload",
        abstract: "Put a plugin's new code in place of the old without losing a request.",
        discussion: """
            The new generation starts beside the old one, components move over, the old one drains. If the new \
            one does not start, the old one stays.

            EXAMPLES
              octavo plugin reload redis
              octavo plugin reload redis ./build/redis.so
            """)

    @OptionGroup var admin: AdminFlags
    @Argument(help: "The plugin's name.", completion: NameCompletion.plugins)
    var name: String
    @Argument(
        help: ArgumentHelp("The new shared object. (default: the plugin's own file, read again)"),
        completion: .file(extensions: ["so"]))
    var file: String?

    func run() throws {
        let path = try file.map { try PluginFiles.absolutePath($0) }
        let change = try Progress.shown("Reloading \(name)") {
            try admin.client().reloadPlugin(named: name, file: path)
        }
        admin.output.write(change) { _ in PluginChangeView.text(change, verb: "Reloaded") }
    }
}

/// Shows on a terminal what a command waits for; silent in a pipe.
enum Progress {
    static func shown<Result>(_ text: String, _ work: () throws -> Result) rethrows -> Result {
        guard isatty(STDERR_FILENO) == 1 else { return try work() }
        Terminal.write("\(text.printable) …", to: STDERR_FILENO)
        // Return to the start of the line and erase it (ECMA-48 EL).
        defer { Terminal.write("\r\u{1B}[K", to: STDERR_FILENO) }
        return try work()
    }
}
