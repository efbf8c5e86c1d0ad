import Console

/// Gives the words of a command line to the declarations of a command.
struct ArgumentParser {
    private let declarations: [Declaration]
    private var positionals: ArraySlice<Declaration>
    private var missing: [Declaration] = []
    private var unexpected: [String] = []

    init(_ declarations: [Declaration]) {
        self.declarations = declarations
        positionals = declarations.filter { $0.kind == .positional }[...]
    }

    /// Throws `ArgumentError`, or `CleanExit` for words that ask for help or version.
    mutating func parse(_ words: [String], of command: any ParsableCommand.Type) throws {
        var rest = words[...]
        while let word = rest.popFirst() {
            if word == "--" {
                try takeAfterTerminator(rest)
                break
            } else if word == "--help" || word == "-h" {
                throw CleanExit.help(command)
            } else if word == "--version" {
                throw CleanExit.version
            } else if word.hasPrefix("-"), word.utf8.count > 1 {
                try takeOption(word, &rest)
            } else {
                try takePositional(word)
            }
        }
        if !unexpected.isEmpty { throw ArgumentError.unexpected(unexpected) }
        if let missing = positionals.first(where: { $0.isRequired }) { throw ArgumentError.missingArgument(missing) }
    }

    private func takeOption(_ word: String, _ rest: inout ArraySlice<String>) throws {
        let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard let declaration = declarations.first(where: { $0.names.contains(parts[0]) }) else {
            if try takeLetters(word) { return }
            throw ArgumentError.unknownOption(parts[0], suggestion: suggestion(for: parts[0]))
        }
        if declaration.kind == .flag {
            if parts.count > 1 { throw ArgumentError.needlessValue(option: parts[0], value: parts[1]) }
            _ = declaration.take("")
        } else if parts.count > 1 {
            try give(parts[1], to: declaration)
        } else if let value = rest.first, !value.hasPrefix("-") || value == "-" {
            rest.removeFirst()
            try give(value, to: declaration)
        } else {
            throw ArgumentError.missingValue(declaration)
        }
    }

    /// Several flags of one letter in one word: `-xyz`.
    private func takeLetters(_ word: String) throws -> Bool {
        guard !word.hasPrefix("--"), word.count > 2 else { return false }
        let flags = word.dropFirst().map { letter in
            declarations.first { $0.kind == .flag && $0.names.contains("-\(letter)") }
        }
        if flags.contains(where: { $0 == nil }) { return false }
        for flag in flags { _ = flag?.take("") }
        return true
    }

    private mutating func takePositional(_ word: String) throws {
        guard let declaration = positionals.first else {
            unexpected.append(word)
            return
        }
        if !declaration.isRepeating { positionals.removeFirst() }
        try give(word, to: declaration)
    }

    private mutating func takeAfterTerminator(_ words: ArraySlice<String>) throws {
        guard let declaration = declarations.first(where: { $0.kind == .afterTerminator }) else {
            for word in words { try takePositional(word) }
            return
        }
        for word in words { try give(word, to: declaration) }
    }

    private func give(_ value: String, to declaration: Declaration) throws {
        guard declaration.take(value) else { throw ArgumentError.invalidValue(value, declaration) }
    }

    private func suggestion(for option: String) -> String? {
        guard option.hasPrefix("--") else { return nil }
        let names = declarations.filter { !$0.help.isHidden }.flatMap(\.names).filter { $0.hasPrefix("--") }
        return Suggestion.nearest(to: String(option.dropFirst(2)), in: names.map { String($0.dropFirst(2)) })
            .map { "--" + $0 }
    }
}
