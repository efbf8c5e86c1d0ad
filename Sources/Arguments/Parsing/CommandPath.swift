/// A command and those above it, the root first.
struct CommandPath {
    private(set) var commands: [any ParsableCommand.Type]

    init(root: any ParsableCommand.Type) { commands = [root] }

    var command: any ParsableCommand.Type { commands[commands.count - 1] }
    var root: any ParsableCommand.Type { commands[0] }
    /// `octavo plugin list`
    var name: String { commands.map { $0.configuration.name }.joined(separator: " ") }

    /// Goes down to a subcommand; false when there is none of that name.
    mutating func descend(to name: String) -> Bool {
        guard let next = command.configuration.subcommands.first(where: { $0.configuration.name == name }) else {
            return false
        }
        commands.append(next)
        return true
    }
}
