/// A group of arguments, declared by the property wrappers `Option`, `Flag`, `Argument` and `OptionGroup`. What they
/// hold is filled in by parsing; a value that was parsed is used once and not copied to be parsed again.
package protocol ParsableArguments {
    init()

    /// Looks at arguments that depend on each other. Throws `ValidationError`.
    func validate() throws
}

extension ParsableArguments {
    package func validate() throws {}
}

/// A command: its arguments and what it does. One with subcommands alone shows its help.
package protocol ParsableCommand: ParsableArguments {
    /// Its name, what its help says, its subcommands.
    static var configuration: CommandConfiguration { get }

    /// Does it. Any error but `ExitCode` is told with its description.
    mutating func run() throws
}

extension ParsableCommand {
    package mutating func run() throws { throw CleanExit.help(Self.self) }
}

/// A command that waits for something.
package protocol AsyncParsableCommand: ParsableCommand {
    /// Does it, in place of the other `run`.
    mutating func run() async throws
}

/// What is known of a command without its arguments.
package struct CommandConfiguration: Sendable {
    package let name: String
    /// One sentence.
    package let abstract: String
    /// Below the abstract in the help. Its lines are filled, but for those that are indented.
    package let discussion: String
    /// What `--version` prints, of the root for every command.
    package let version: String
    package let subcommands: [any ParsableCommand.Type]

    package init(
        commandName: String, abstract: String, discussion: String = "", version: String = "",
        subcommands: [any ParsableCommand.Type] = []
    ) {
        name = commandName
        self.abstract = abstract
        self.discussion = discussion
        self.version = version
        self.subcommands = subcommands
    }
}
