import AdminAPI
import Arguments
import Console

/// `octavo plugin quarantine`
struct PluginQuarantineCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "quarantine",
        abstract: "Requests that are refused because they have killed their plugin's process.",
        discussion: """
            A request that kills an isolated plugin's process twice within ten minutes is refused for ten minutes, \
            then twice as long each time.
            """,
        subcommands: [QuarantineListCommand.self, QuarantineClearCommand.self])
}

/// `octavo plugin quarantine list`
struct QuarantineListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List the requests that are refused.",
        discussion: """
            Keys and values are not kept: a request is known by a hash.

            EXAMPLES
              octavo plugin quarantine list
              octavo plugin quarantine list --json
            """)

    @OptionGroup var admin: AdminFlags

    func run() throws {
        let list = try admin.client().quarantine()
        admin.output.write(list) { QuarantineView.table(list.requests, on: $0) }
    }
}

/// `octavo plugin quarantine clear`
struct QuarantineClearCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "clear",
        abstract: "Let refused requests through again.",
        discussion: """
            EXAMPLES
              octavo plugin quarantine clear
              octavo plugin quarantine clear redis
              octavo plugin quarantine clear --id 9c1185a5c5e9fc54
            """)

    @OptionGroup var admin: AdminFlags
    @Argument(help: "The plugin's name. (default: all plugins)", completion: NameCompletion.plugins)
    var name: String?
    @Option(help: ArgumentHelp("One request alone, as `list` names it.", valueName: "id"))
    var id: String?

    func run() throws {
        let cleared = try admin.client().clearQuarantine(plugin: name, id: id)
        admin.output.write(cleared) { _ in "\(HumanFormat.count(cleared.count, "kind")) of requests let through again.\n" }
    }
}

/// Refused requests for eyes.
enum QuarantineView {
    static func table(_ requests: [QuarantinedRequest], on terminal: Terminal) -> String {
        if requests.isEmpty { return "No request is refused.\n" }
        var table = Table([
            Table.Column("ID"), Table.Column("PLUGIN"), Table.Column("COMPONENT"), Table.Column("OPERATION"),
            Table.Column("DEATHS", .right), Table.Column("LEFT", .right),
        ])
        for one in requests {
            table.add(
                Table.Cell(one.id), Table.Cell(one.plugin), Table.Cell(one.component), Table.Cell(one.operation),
                Table.Cell("\(one.deaths)", .bad), Table.Cell(HumanFormat.duration(nanoseconds: Int64(one.secondsLeft * 1e9))))
        }
        return table.rendered(width: terminal.width, colour: terminal.colour)
    }
}
