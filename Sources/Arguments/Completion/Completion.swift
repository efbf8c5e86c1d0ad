/// Answers a shell that asks how a command line may go on.
///
/// The scripts call `octavo ---completion INDEX WORD...`: all words typed so far, the program's name first, and the
/// index of the one at the cursor. The answer is a candidate on each line, with its description after a tab; or
/// `---files EXTENSION...`.
enum Completion {
    static let request = "---completion"
    static let files = "---files"

    /// The answer, to be thrown; `nil` for arguments that don't ask.
    static func candidates(root: any ParsableCommand.Type, _ arguments: [String]) throws -> CleanExit? {
        guard arguments.first == request else { return nil }
        let words = Array(arguments.dropFirst(2))
        guard arguments.count > 2, let index = Int(arguments[1]), index > 0 else { return .candidates("") }
        let current = index < words.count ? words[index] : ""
        let lines = lines(root: root, words: words, index: index, current: current)
        return .candidates(lines.joined(separator: "\n"))
    }

    private static func lines(
        root: any ParsableCommand.Type, words: [String], index: Int, current: String
    ) -> [String] {
        var path = CommandPath(root: root)
        var before = words[..<min(index, words.count)].dropFirst()
        if before.first == "help" { before.removeFirst() }
        while let name = before.first, path.descend(to: name) { before.removeFirst() }
        let subcommands = path.command.configuration.subcommands
        if !subcommands.isEmpty {
            let offered = subcommands.map { "\($0.configuration.name)\t\($0.configuration.abstract)" }
            return matching(offered + ["--help\tShow help information."], current)
        }
        let declarations = path.command.init().declarations.filter { !$0.help.isHidden }
        if before.contains("--") { return [files] }
        if let last = before.last, let option = declarations.first(where: { $0.names.contains(last) && $0.kind == .option }) {
            return values(of: option, words, index, current)
        }
        if current.hasPrefix("-") { return matching(names(declarations), current) }
        let positionals = declarations.filter { $0.kind == .positional }
        let given = countValues(before, declarations)
        guard let argument = given < positionals.count ? positionals[given] : positionals.last(where: \.isRepeating) else {
            return matching(names(declarations), current)
        }
        return values(of: argument, words, index, current)
    }

    private static func names(_ declarations: [Declaration]) -> [String] {
        declarations.filter { !$0.names.isEmpty }.map { "\($0.preferredName)\t\($0.help.text)" }
            + ["--help\tShow help information."]
    }

    /// How many of the words are values by their place.
    private static func countValues(_ words: ArraySlice<String>, _ declarations: [Declaration]) -> Int {
        var count = 0
        var isValue = false
        for word in words {
            if isValue {
                isValue = false
            } else if word.hasPrefix("-"), word != "-" {
                isValue = declarations.contains { $0.kind == .option && $0.names.contains(word) }
            } else {
                count += 1
            }
        }
        return count
    }

    private static func values(
        of declaration: Declaration, _ words: [String], _ index: Int, _ current: String
    ) -> [String] {
        switch declaration.completion {
        case .none: matching(declaration.allValues, current)
        case .file(let extensions): [([files] + extensions).joined(separator: " ")]
        case .custom(let function): matching(function(words, index, current), current)
        }
    }

    /// One line for each candidate that goes on from what was typed.
    private static func matching(_ candidates: [String], _ current: String) -> [String] {
        candidates.filter { $0.hasPrefix(current) }.map { $0.split(separator: "\n").joined(separator: " ") }
    }
}
