import AdminAPI
import Arguments
import Console

/// `octavo component`
struct ComponentCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "component",
        abstract: "List and describe components.",
        subcommands: [ComponentListCommand.self, ComponentDescribeCommand.self, ComponentDocsCommand.self])
}

/// `octavo component list`
struct ComponentListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List components with their health and figures.",
        discussion: """
            EXAMPLES
              octavo component list
              octavo component list --json | jq -r '.components[].reason'
            """)

    @OptionGroup var admin: AdminFlags

    func run() throws {
        let list = try admin.client().components()
        admin.output.write(list) { ComponentView.table(list.components, on: $0) }
    }
}

/// `octavo component describe`
struct ComponentDescribeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "describe",
        abstract: "Show a component's metadata as in effect, its health and what it can do.",
        discussion: """
            Values of sensitive metadata are never shown.

            EXAMPLES
              octavo component describe statestore
            """)

    @OptionGroup var admin: AdminFlags
    @Argument(help: "The component's name.", completion: NameCompletion.components)
    var name: String

    func run() throws {
        let component = try admin.client().component(named: name)
        admin.output.write(component) { ComponentView.text(component, on: $0, now: WallClock.unixMilliseconds) }
    }
}
