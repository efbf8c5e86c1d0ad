import AdminAPI
import Arguments
import Console

/// `octavo plugin isolate`
struct PluginIsolateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "isolate",
        abstract: "Move a plugin into a process of its own, or back, without losing a request.",
        discussion: """
            A reload into the other process: if it fails, the plugin stays where it is. The word is kept in the data \
            folder and is stronger than --isolate and the configuration, until it is `default` again.

            EXAMPLES
              octavo plugin isolate redis
              octavo plugin isolate redis off
              octavo plugin isolate redis default
            """)

    @OptionGroup var admin: AdminFlags
    @Argument(help: "The plugin's name.", completion: NameCompletion.plugins)
    var name: String
    @Argument(help: ArgumentHelp("`default`: what command line and configuration say. (default: on)", valueName: "where"))
    var place: Place?

    enum Place: String, ExpressibleByArgument, CaseIterable {
        case on, off, `default`

        /// The word of the admin API.
        var mode: String {
            switch self {
            case .on: "process"
            case .off: "none"
            case .default: "default"
            }
        }
    }

    func run() throws {
        let mode = (place ?? .on).mode
        let change = try Progress.shown("Moving \(name)") { try admin.client().isolatePlugin(named: name, mode: mode) }
        admin.output.write(change) { _ in
            PluginChangeView.text(change, verb: change.plugin?.mode == .isolated ? "Isolated" : "Not isolated:")
        }
    }
}
