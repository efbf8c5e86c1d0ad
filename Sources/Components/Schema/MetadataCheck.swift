import COctavo
import TextSearch

/// A component's metadata against the schema of its type.
struct MetadataCheck {
    let definition: ComponentDefinition
    let type: PluginType

    struct Outcome {
        var values: [SettingValue] = []
        var warnings: [String] = []
        var errors: [String] = []
    }

    /// Names that the runtime itself reads, for each kind. Source: Dapr's component specification.
    static func runtimeNames(_ kind: Int32) -> Set<String> {
        switch kind {
        case OCTAVO_KIND_STATE:
            [
                "keyprefix", "actorstatestore", "primaryencryptionkey", "secondaryencryptionkey",
                "outboxpublishpubsub", "outboxpublishtopic", "outboxpubsub", "outboxdiscardwhenmissingstate",
            ]
        case OCTAVO_KIND_LOCK: ["keyprefix"]
        case OCTAVO_KIND_PUBSUB:
            ["publishingscopes", "subscriptionscopes", "allowedtopics", "protectedtopics", "consumerid"]
        case OCTAVO_KIND_BINDING: ["direction", "route"]
        default: []
        }
    }

    func run() -> Outcome {
        var outcome = Outcome()
        var written: Set<String> = []
        for setting in definition.metadata {
            guard let field = type.schema.field(setting.name) else {
                unknown(setting, &outcome)
                continue
            }
            guard written.insert(field.name).inserted else {
                outcome.errors.append("\(field.name) is given twice; give it once")
                continue
            }
            if !field.deprecatedBy.isEmpty {
                outcome.warnings.append("\(field.name) is deprecated; use \(field.deprecatedBy)")
            }
            switch SettingValue.parse(setting.value, as: field) {
            case .success(let value): outcome.values.append(value)
            case .failure(let expected):
                let shown = field.isSensitive || setting.isSecret ? "its value" : "\"\(setting.value)\""
                outcome.errors.append("\(field.name) must be \(expected.text), \(shown) is not")
            }
        }
        for field in type.schema.fields where !written.contains(field.name) {
            if let text = field.defaultText, case .success(var value) = SettingValue.parse(text, as: field) {
                value.flags |= UInt32(OCTAVO_VALUE_DEFAULTED)
                outcome.values.append(value)
            } else if field.isRequired, field.profile.isEmpty {
                outcome.errors.append("\(field.name) is missing: \(field.description)")
            }
        }
        checkProfiles(written, &outcome)
        if type.kind == OCTAVO_KIND_STATE { outcome.errors += EncryptionKeyCheck.problems(definition) }
        if type.kind == OCTAVO_KIND_STATE || type.kind == OCTAVO_KIND_LOCK { checkKeyPrefix(&outcome) }
        return outcome
    }

    /// What the runtime itself does with the settings: better no component than one that does less than it was
    /// asked for.
    private func checkKeyPrefix(_ outcome: inout Outcome) {
        for setting in definition.metadata
        where setting.name.lowercased() == "keyprefix" && setting.value.contains(text: "||") {
            outcome.errors.append("keyPrefix can't contain '||', which separates it from the key")
        }
    }

    private func unknown(_ setting: ComponentDefinition.Setting, _ outcome: inout Outcome) {
        if MetadataCheck.runtimeNames(type.kind).contains(setting.name.lowercased()) { return }
        let names = type.schema.fields.map(\.name)
        let suggestion = nearest(setting.name, in: names).map { "; did you mean \($0)?" } ?? ""
        let text = "\(type.name) has no setting \(setting.name)\(suggestion)"
        if definition.isStrict {
            outcome.errors.append(text)
        } else {
            outcome.warnings.append(text)
            outcome.values.append(
                SettingValue(name: setting.name, text: setting.value, flags: UInt32(OCTAVO_VALUE_UNKNOWN)))
        }
    }

    /// One of the groups of required fields must be complete.
    private func checkProfiles(_ written: Set<String>, _ outcome: inout Outcome) {
        let required = Dictionary(
            grouping: type.schema.fields.filter { $0.isRequired && !$0.profile.isEmpty }, by: \.profile)
        guard !required.isEmpty else { return }
        for fields in required.values where fields.allSatisfy({ written.contains($0.name) }) { return }
        let ways = required.sorted { $0.key < $1.key }
            .map { "\($0.key) (\($0.value.map(\.name).joined(separator: ", ")))" }
        outcome.errors.append("give the settings of one of: \(ways.joined(separator: "; "))")
    }
}

/// The name among `names` that was probably meant, `nil` when none is near.
package func nearest(_ name: String, in names: [String]) -> String? {
    let wanted = Array(name.lowercased())
    let limit = max(1, wanted.count / 3)
    return names.map { ($0, distance(wanted, Array($0.lowercased()))) }
        .filter { $0.1 <= limit }.min { $0.1 < $1.1 }?.0
}

/// Levenshtein's distance.
private func distance(_ one: [Character], _ other: [Character]) -> Int {
    var row = Array(0...other.count)
    for (i, a) in one.enumerated() {
        var diagonal = row[0]
        row[0] = i + 1
        for (j, b) in other.enumerated() {
            let above = row[j + 1]
            row[j + 1] = a == b ? diagonal : 1 + min(diagonal, above, row[j])
            diagonal = above
        }
    }
    return row[other.count]
}
