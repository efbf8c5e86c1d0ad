/// What a process that runs a part of the check tells its parent: one line each.
package enum CheckEvent: Equatable, Sendable {
    /// A check holds.
    case passed(check: String)
    /// A check does not hold: what was done and what came, and which part of the ABI asks for something else.
    case failed(check: String, finding: String, section: String)
    /// A check was left out, and why.
    case skipped(check: String, reason: String)
    /// What is done from now on: if the process dies, this is what it died of.
    case doing(String)
    /// What a call ended with, to be compared between the modes.
    case outcome(call: String, ending: String)
    /// A component type of the plugin.
    case type(CheckedType)
    /// The part is done; a process that ends without saying so was ended by the plugin.
    case end

    /// The line, without its line feed.
    package var line: String {
        let fields: [String] =
            switch self {
            case .passed(let check): ["passed", check]
            case .failed(let check, let finding, let section): ["failed", check, finding, section]
            case .skipped(let check, let reason): ["skipped", check, reason]
            case .doing(let what): ["doing", what]
            case .outcome(let call, let ending): ["outcome", call, ending]
            case .type(let type): ["type"] + type.fields
            case .end: ["end"]
            }
        return fields.map(TabSeparated.escaped).joined(separator: "\t")
    }

    /// `nil` for a line that is none: a plugin may have written to the descriptor.
    package init?(line: some StringProtocol) {
        let fields = TabSeparated.fields(line)
        switch (fields.first, fields.count) {
        case ("passed", 2): self = .passed(check: fields[1])
        case ("failed", 4): self = .failed(check: fields[1], finding: fields[2], section: fields[3])
        case ("skipped", 3): self = .skipped(check: fields[1], reason: fields[2])
        case ("doing", 2): self = .doing(fields[1])
        case ("outcome", 3): self = .outcome(call: fields[1], ending: fields[2])
        case ("type", _):
            guard let type = CheckedType(fields: Array(fields.dropFirst())) else { return nil }
            self = .type(type)
        case ("end", 1): self = .end
        default: return nil
        }
    }
}

/// A component type of the plugin under check, as it is known to the process that checks.
package struct CheckedType: Equatable, Sendable {
    package var name: String
    package var version: String
    package var kind: Int32
    package var execution: String
    /// Its state lives in the instance.
    package var holdsState: Bool
    /// Settings that it can't do without, and all of them.
    package var required: [String]
    package var settings: [String]

    var fields: [String] {
        [name, version, "\(kind)", execution, "\(holdsState)", required.joined(separator: " "), settings.joined(separator: " ")]
    }

    init(name: String, version: String, kind: Int32, execution: String, holdsState: Bool, required: [String], settings: [String]) {
        self.name = name
        self.version = version
        self.kind = kind
        self.execution = execution
        self.holdsState = holdsState
        self.required = required
        self.settings = settings
    }

    init?(fields: [String]) {
        guard fields.count == 7, let kind = Int32(fields[2]) else { return nil }
        self.init(
            name: fields[0], version: fields[1], kind: kind, execution: fields[3], holdsState: fields[4] == "true",
            required: fields[5].split(separator: " ").map(String.init), settings: fields[6].split(separator: " ").map(String.init))
    }
}

/// Lines of fields, with what would end a field written as an escape.
enum TabSeparated {
    static func escaped(_ field: String) -> String {
        var text = ""
        for scalar in field.unicodeScalars {
            switch scalar {
            case "\\": text += "\\\\"
            case "\t": text += "\\t"
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text
    }

    static func fields(_ line: some StringProtocol) -> [String] {
        line.split(separator: "\t", omittingEmptySubsequences: false).map { field in
            var text = String.UnicodeScalarView()
            var isEscaped = false
            for scalar in field.unicodeScalars {
                if isEscaped {
                    text.append(scalar == "t" ? "\t" : scalar == "n" ? "\n" : scalar == "r" ? "\r" : scalar)
                    isEscaped = false
                } else if scalar == "\\" {
                    isEscaped = true
                } else {
                    text.append(scalar)
                }
            }
            return String(text)
        }
    }
}
