/// What is printed for `--help`, and below an error.
struct HelpText {
    private let path: CommandPath
    private let declarations: [Declaration]

    private static let width = 80
    /// Where descriptions begin.
    private static let column = 26
    /// A command with more options than these has no list of them in its usage.
    private static let usageLimit = 12

    init(_ path: CommandPath) {
        self.path = path
        declarations = path.command.init().declarations.filter { !$0.help.isHidden }
    }

    var text: String {
        let configuration = path.command.configuration
        var parts = [TextFilling.filled("OVERVIEW: " + configuration.abstract, width: Self.width)]
        if !configuration.discussion.isEmpty {
            parts.append(TextFilling.filled(configuration.discussion, width: Self.width))
        }
        parts.append("USAGE: " + usage)
        parts += sections
        if !configuration.subcommands.isEmpty {
            let above = path.commands.dropFirst().map { $0.configuration.name + " " }.joined()
            parts.append("  See '\(path.root.configuration.name) help \(above)<subcommand>' for detailed help.")
        }
        return parts.joined(separator: "\n\n")
    }

    /// An error with what helps against it.
    func misuse(_ error: ArgumentError) -> String {
        var text = "Error: \(error)\n"
        if let declaration = error.declaration { text += "Help:  \(declaration.synopsis)  \(description(declaration))\n" }
        return text + "Usage: \(usage)\n  See '\(path.name) --help' for more information."
    }

    private var usage: String {
        if !path.command.configuration.subcommands.isEmpty { return path.name + " <subcommand>" }
        let isLong = declarations.filter { $0.kind == .option || $0.kind == .flag }.count > Self.usageLimit
        var words = [path.name] + (isLong ? ["[<options>]"] : [])
        for declaration in declarations {
            let word = declaration.synopsis + (declaration.isRepeating ? " ..." : "")
            switch declaration.kind {
            case .option, .flag: if !isLong { words.append("[\(word)]") }
            case .positional: words.append(declaration.isRequired ? word : "[\(word)]")
            case .afterTerminator: words.append("-- [\(word)]")
            }
        }
        return words.joined(separator: " ")
    }

    private var sections: [String] {
        let values = declarations.filter { $0.kind == .positional || $0.kind == .afterTerminator }
        let options = declarations.filter { $0.kind == .option || $0.kind == .flag }
        var titles: [String] = []
        for case let title? in options.map(\.title) where !titles.contains(title) { titles.append(title) }
        var sections = [section("ARGUMENTS", values.map { ($0.synopsis, description($0)) })]
        sections += titles.map { title in section(title.uppercased(), rows(options.filter { $0.title == title })) }
        sections.append(
            section(
                "OPTIONS",
                rows(options.filter { $0.title == nil })
                    + [("--version", "Show the version."), ("-h, --help", "Show help information.")]))
        sections.append(
            section(
                "SUBCOMMANDS",
                path.command.configuration.subcommands.map { ($0.configuration.name, $0.configuration.abstract) }))
        return sections.filter { !$0.isEmpty }
    }

    private func rows(_ options: [Declaration]) -> [(String, String)] {
        options.map { option in
            let short = option.names.filter { !$0.hasPrefix("--") }
            let names = (short + option.names.filter { $0.hasPrefix("--") }).joined(separator: ", ")
            return (option.kind == .flag ? names : "\(names) <\(option.valueName)>", description(option))
        }
    }

    private func description(_ declaration: Declaration) -> String {
        var facts: [String] = []
        if !declaration.allValues.isEmpty {
            facts.append("values: " + declaration.allValues.joined(separator: ", "))
        }
        if let text = declaration.defaultText { facts.append("default: " + text) }
        return declaration.help.text + (facts.isEmpty ? "" : " (\(facts.joined(separator: "; ")))")
    }

    private func section(_ title: String, _ rows: [(String, String)]) -> String {
        guard !rows.isEmpty else { return "" }
        let lines = rows.map { label, text in
            let label = "  " + label
            let filled = TextFilling.filled(text, width: Self.width, indent: Self.column)
            if label.count >= Self.column { return label + "\n" + filled }
            return label + filled.dropFirst(label.count)
        }
        return title + ":\n" + lines.joined(separator: "\n")
    }
}
