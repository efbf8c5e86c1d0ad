/// Arguments that are right one by one, but not together. The message is a full sentence.
package struct ValidationError: Error, CustomStringConvertible {
    package let description: String

    package init(_ message: String) { description = message }
}

/// A command ends with this code and has said why, if there is anything to say.
package struct ExitCode: Error, Equatable {
    package let rawValue: Int32

    package init(_ rawValue: Int32) { self.rawValue = rawValue }

    package static let success = ExitCode(0)
    package static let failure = ExitCode(1)
    /// Misuse of the command line (sysexits.h: EX_USAGE).
    package static let validationFailure = ExitCode(64)
}

/// The command line asked for a text, which is printed instead of doing anything.
enum CleanExit: Error {
    case help(any ParsableCommand.Type)
    case version
    case candidates(String)
}

/// Arguments that a command can't take.
enum ArgumentError: Error, CustomStringConvertible {
    case unknownOption(String, suggestion: String?)
    case missingValue(Declaration)
    case needlessValue(option: String, value: String)
    case invalidValue(String, Declaration)
    case missingArgument(Declaration)
    case unexpected([String])
    case invalid(ValidationError)

    var description: String {
        switch self {
        case .unknownOption(let option, let suggestion):
            "Unknown option '\(option)'" + (suggestion.map { ". Did you mean '\($0)'?" } ?? "")
        case .missingValue(let declaration): "Missing value for '\(declaration.synopsis)'"
        case .needlessValue(let option, let value):
            "The option '\(option)' does not take any value, but '\(value)' was specified."
        case .invalidValue(let value, let declaration):
            "The value '\(value)' is invalid for '\(declaration.synopsis)'" + Self.choice(declaration.allValues)
        case .missingArgument(let declaration): "Missing expected argument '\(declaration.synopsis)'"
        case .unexpected(let words) where words.count == 1: "Unexpected argument '\(words[0])'"
        case .unexpected(let words):
            "\(words.count) unexpected arguments: \(words.map { "'\($0)'" }.joined(separator: ", "))"
        case .invalid(let error): error.description
        }
    }

    /// The argument that the error is about, whose help is shown with it.
    var declaration: Declaration? {
        switch self {
        case .missingValue(let declaration), .invalidValue(_, let declaration), .missingArgument(let declaration):
            declaration
        default: nil
        }
    }

    private static func choice(_ values: [String]) -> String {
        guard let last = values.last else { return "" }
        let quoted = values.dropLast().map { "'\($0)'" }.joined(separator: ", ")
        return ". Please provide " + (quoted.isEmpty ? "'\(last)'." : "one of \(quoted) or '\(last)'.")
    }
}

/// An error with the command that it is about.
struct CommandError: Error {
    let path: CommandPath
    let error: any Error
}
