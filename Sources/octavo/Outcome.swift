import AdminAPI
import Arguments
import Console

/// What a command leaves behind: text for both outputs and an exit code.
struct Outcome: Equatable {
    /// Exit codes of `octavo`, as documented in its help.
    enum Code {
        static let done: Int32 = 0
        static let failed: Int32 = 1
        static let misuse: Int32 = 2
        static let unreachable: Int32 = 3
    }

    var code: Int32
    var output = ""
    var errors = ""

    /// Parses and runs `arguments` (without the program's name). The commands write their results themselves;
    /// what is left to write is help and errors.
    static func running(_ arguments: [String]) async -> Outcome {
        do {
            var command = try CommandLineSyntax.command(arguments)
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
            return Outcome(code: Code.done)
        } catch {
            return Outcome(error)
        }
    }

    /// The outcome of a command that threw `error`.
    init(_ error: any Error) {
        switch error {
        case let failure as CommandFailure:
            self.init(code: failure.code, errors: failure.text)
        case let failure as AdminClientError:
            self.init(CommandFailure(failure))
        default:
            let code = Octavo.exitCode(for: error)
            let message = Octavo.fullMessage(for: error)
            let text = message.isEmpty || message.hasSuffix("\n") ? message : message + "\n"
            switch code {
            case .success: self.init(code: Code.done, output: text)
            case .validationFailure: self.init(code: Code.misuse, errors: text)
            default: self.init(code: code.rawValue, errors: text)
            }
        }
    }

    init(code: Int32, output: String = "", errors: String = "") {
        self.code = code
        self.output = output
        self.errors = errors
    }
}

/// A command could not do what it was asked to.
struct CommandFailure: Error, Equatable {
    var code: Int32
    /// A full sentence.
    var message: String
    /// The next useful command; nil when there is none.
    var next: String?

    init(_ message: String, code: Int32 = Outcome.Code.failed, next: String? = nil) {
        self.code = code
        self.message = message
        self.next = next
    }

    init(_ error: AdminClientError, next: String? = nil) {
        switch error {
        case .unreachable(let message): self.init(message, code: Outcome.Code.unreachable, next: next)
        case .refused(let error): self.init(error.message, next: next)
        case .lost(let message): self.init(message, code: Outcome.Code.unreachable, next: next)
        }
    }

    /// As it is written to standard error.
    var text: String {
        "octavo: \(message.printable)\n" + (next.map { "Try: \($0)\n" } ?? "")
    }
}
