import AdminAPI

/// The page of a component type in Markdown.
enum ComponentPage {
    /// What the runtime itself reads of the metadata of each kind.
    private static let runtimeSettings: [String: [(name: String, about: String)]] = [
        "state": [
            ("keyPrefix", "What is put in front of every key: `appid` (default), `name`, `namespace`, `none`, or a text of your own."),
            ("primaryEncryptionKey", "Values are encrypted with this AES key (hexadecimal, from a secret store)."),
            ("secondaryEncryptionKey", "Another key that values may have been encrypted with."),
        ],
        "lock": [("keyPrefix", "As for state stores.")],
        "pubsub": [
            ("consumerID", "The group that shares the messages; the app id when it is not given."),
            ("publishingScopes", "Topics that each app may publish to: `app1=a,b;app2=`."),
            ("subscriptionScopes", "Topics that each app may subscribe to."),
            ("allowedTopics", "The only topics that there are."),
            ("protectedTopics", "Topics for apps that a scope names alone."),
        ],
        "binding": [
            ("direction", "`input`, `output`, or both: how the component is used."),
            ("route", "Path of the app that input goes to; the component's name when it is not given."),
        ],
    ]

    static func markdown(_ entry: ComponentTypes.Entry) -> String {
        let type = entry.type
        var out = "# \(type.name)\n\(mark)\n"
        let title = type.title.map { "**\($0)**. " } ?? ""
        out += "\n\(title)\(text(type.description ?? ""))\n\n| | |\n| --- | --- |\n"
        func row(_ name: String, _ value: String?) { if let value, !value.isEmpty { out += "| \(name) | \(value) |\n" } }
        row("plugin", "`\(entry.plugin)`")
        row("version", type.version)
        row("also", entry.aliases.map { "`\($0)`" }.joined(separator: ", "))
        row("maturity", type.maturity)
        row("features", type.features.joined(separator: ", "))
        row("operations", type.operations.map { "`\($0)`" }.joined(separator: ", "))
        row("calls run", execution(type.execution))
        if entry.isExclusive { row("instances", "one at a time: calls wait while it is replaced") }
        if entry.isSingleton { row("components", "one of the type") }
        if entry.holdsState { row("state", "in memory; a reload takes it along") }
        row("more", type.link.map { "<\($0)>" })
        out += "\n## Example\n```yaml\n\(ComponentExample.yaml(type))```\n"
        if !entry.operationTexts.isEmpty {
            out += "\n## Operations\n| name | what it does |\n| --- | --- |\n"
            for name in type.operations { out += "| `\(name)` | \(text(entry.operationTexts[name] ?? "")) |\n" }
        }
        out += "\n## Metadata\n"
        if type.fields.isEmpty { out += "The type has none of its own.\n" } else { out += table(entry) }
        if type.fields.contains(where: \.sensitive) {
            out += "\nTake secret values from a secret store (`secretKeyRef`, `auth.secretStore`); no list or log shows them.\n"
        }
        if let settings = runtimeSettings[type.kind]?.filter({ one in
            !type.fields.contains { $0.name.lowercased() == one.name.lowercased() }
        }), !settings.isEmpty {
            out += "\n### Of every \(type.kind) component\n| name | about |\n| --- | --- |\n"
            for one in settings { out += "| `\(one.name)` | \(one.about) |\n" }
        }
        return out
    }

    private static let mark = "<!-- Made of the plugin's schema by tools/component-docs; don't edit. -->"

    private static func table(_ entry: ComponentTypes.Entry) -> String {
        var out = "| name | required | type | default | secret | about |\n| --- | --- | --- | --- | --- | --- |\n"
        for field in entry.type.fields {
            var about = [text(field.description ?? "")]
            if let limits = entry.limits[field.name] { about.append("From \(limits).".replacing("From at", with: "At")) }
            if let successor = field.successor { about.append("Deprecated: use `\(successor)`.") }
            if let profile = field.profile { about.append("With \(text(profile)).") }
            if !field.aliases.isEmpty { about.append("Also \(field.aliases.map { "`\($0)`" }.joined(separator: ", ")).") }
            if let example = field.example { about.append("Example: \(code(example)).") }
            if field.hot { about.append("Can change while it runs.") }
            let type = field.allowedValues.isEmpty ? field.type : field.allowedValues.map(code).joined(separator: ", ")
            out += "| `\(field.name)` | \(field.required ? "yes" : "") | \(type) | \(field.defaultValue.map(code) ?? "") | "
                + "\(field.sensitive ? "yes" : "") | \(about.filter { !$0.isEmpty }.joined(separator: " ")) |\n"
        }
        return out
    }

    /// The list of all pages.
    static func index(_ entries: [ComponentTypes.Entry]) -> String {
        var out = "# Component types\n\(mark)\nEach as its plugin describes it; `octavo component docs TYPE` shows the same.\n\n"
        out += "| type | about | plugin | features |\n| --- | --- | --- | --- |\n"
        for entry in entries {
            out += "| [\(entry.type.name)](\(entry.type.name).md) | \(text(entry.type.description ?? "")) | `\(entry.plugin)` | "
                + "\(entry.type.features.joined(separator: ", ")) |\n"
        }
        return out
    }

    private static func execution(_ word: String) -> String {
        switch word {
        case "inline": "at once, on the event loop of the request"
        case "reactor": "on a thread of the component that waits for its server's answers"
        default: "on worker threads of the component"
        }
    }

    private static func code(_ text: String) -> String {
        text.isEmpty ? "empty" : "`\(text.replacing("|", with: "\\|").replacing("\n", with: " "))`"
    }

    /// Text in a cell or paragraph: what Markdown would take for its own is escaped.
    private static func text(_ text: String) -> String {
        var out = ""
        for character in text {
            switch character {
            case "|", "<", "*": out += "\\\(character)"
            case "\n": out += " "
            default: out.append(character)
            }
        }
        return out
    }
}

extension String {
    fileprivate func replacing(_ old: String, with new: String) -> String {
        var out = "", rest = self[...]
        while !rest.isEmpty {
            if rest.hasPrefix(old) {
                out += new
                rest = rest.dropFirst(old.count)
            } else {
                out.append(rest.removeFirst())
            }
        }
        return out
    }
}
