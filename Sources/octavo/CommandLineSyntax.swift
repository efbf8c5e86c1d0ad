import Arguments
import Console

/// From arguments to a command.
enum CommandLineSyntax {
    /// The command that `arguments` (without the program's name) ask for, with its flags filled in.
    ///
    /// Throws `CommandFailure` for a command that does not exist, else what `Arguments` throws.
    static func command(_ arguments: [String]) throws -> any ParsableCommand {
        try checkCommandNames(arguments)
        guard arguments.first == "run" else { return try Octavo.parseAsRoot(arguments) }
        return try Octavo.parseAsRoot(["run"] + DaprFlagSyntax.rewritten(Array(arguments.dropFirst())))
    }

    /// The parser calls a mistyped command an unexpected argument; say what was meant instead.
    private static func checkCommandNames(_ arguments: [String]) throws {
        var command: any ParsableCommand.Type = Octavo.self
        var path = ["octavo"]
        for argument in arguments {
            let known = command.configuration.subcommands
            if known.isEmpty || argument.hasPrefix("-") || argument == "help" { return }
            guard let next = known.first(where: { $0.configuration.name == argument }) else {
                let nearest = Suggestion.nearest(to: argument, in: known.map { $0.configuration.name })
                throw CommandFailure(
                    "'\(argument)' is not a command of `\(path.joined(separator: " "))`."
                        + (nearest.map { " Did you mean '\($0)'?" } ?? ""),
                    code: Outcome.Code.misuse, next: (path + ["--help"]).joined(separator: " "))
            }
            command = next
            path.append(argument)
        }
    }
}
