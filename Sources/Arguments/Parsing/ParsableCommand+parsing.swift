extension ParsableCommand {
    /// The command that `arguments` (without the program's name) ask for, filled in and validated.
    package static func parseAsRoot(_ arguments: [String]) throws -> any ParsableCommand {
        if let candidates = try Completion.candidates(root: Self.self, arguments) { throw candidates }
        var path = CommandPath(root: self)
        var rest = arguments[...]
        if rest.first == "help" {
            while rest.popFirst() != nil, let name = rest.first, path.descend(to: name) {}
            throw CommandError(path: path, error: CleanExit.help(path.command))
        }
        while let name = rest.first, path.descend(to: name) { rest.removeFirst() }
        do {
            let command = path.command.init()
            var parser = ArgumentParser(command.declarations)
            try parser.parse(Array(rest), of: path.command)
            do {
                try command.validateAll()
            } catch let error as ValidationError {
                throw ArgumentError.invalid(error)
            }
            return command
        } catch {
            throw CommandError(path: path, error: error)
        }
    }

    /// The code of an end by `error`.
    package static func exitCode(for error: any Error) -> ExitCode {
        switch (error as? CommandError)?.error ?? error {
        case is CleanExit: .success
        case is ArgumentError, is ValidationError: .validationFailure
        case let code as ExitCode: code
        default: .failure
        }
    }

    /// What is to be printed for an end by `error`; empty when there is nothing to say.
    package static func fullMessage(for error: any Error) -> String {
        let path = (error as? CommandError)?.path
        switch (error as? CommandError)?.error ?? error {
        case CleanExit.help(let command): return HelpText(path ?? found(command)).text
        case CleanExit.version: return configuration.version
        case CleanExit.candidates(let text): return text
        case is ExitCode: return ""
        case let error as ArgumentError: return HelpText(path ?? CommandPath(root: self)).misuse(error)
        case let error as ValidationError:
            return HelpText(path ?? CommandPath(root: self)).misuse(.invalid(error))
        case let error: return "Error: \(error)"
        }
    }

    /// Where a command that shows its own help is.
    private static func found(_ command: any ParsableCommand.Type) -> CommandPath {
        func search(_ path: CommandPath) -> CommandPath? {
            if path.command == command { return path }
            for next in path.command.configuration.subcommands {
                var deeper = path
                if deeper.descend(to: next.configuration.name), let found = search(deeper) { return found }
            }
            return nil
        }
        return search(CommandPath(root: self)) ?? CommandPath(root: command)
    }
}
