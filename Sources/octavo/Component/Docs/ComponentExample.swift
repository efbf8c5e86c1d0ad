import AdminAPI

/// A component's file to begin with, which its type's schema takes.
enum ComponentExample {
    private static let names = [
        "state": "statestore", "pubsub": "pubsub", "lock": "lockstore", "configuration": "configstore", "secretstore": "secretstore",
        "crypto": "keys", "binding": "binding", "nameresolution": "nameresolution", "filter": "middleware", "conversation": "conversation",
    ]

    static func yaml(_ type: ComponentType) -> String {
        var lines = [
            "apiVersion: dapr.io/v1alpha1", "kind: Component", "metadata:", "  name: \(names[type.kind] ?? "component")", "spec:",
            "  type: \(type.name)", "  version: \(type.version)",
        ]
        let shown = fields(type)
        if !shown.isEmpty { lines.append("  metadata:") }
        for field in shown {
            lines.append("    - name: \(field.name)")
            if field.sensitive {
                lines += ["      secretKeyRef:", "        name: \(field.name)", "        key: \(field.name)"]
            } else {
                lines.append("      value: \(quoted(value(of: field)))")
            }
        }
        if shown.contains(where: \.sensitive) { lines += ["auth:", "  secretStore: secretstore"] }
        return lines.joined(separator: "\n") + "\n"
    }

    /// What must be there, with the fields of one way to authenticate if there must be one; and a few that have an example.
    private static func fields(_ type: ComponentType) -> [SchemaField] {
        let usable = type.fields.filter { $0.successor == nil }
        let profile = usable.first { $0.required && $0.profile != nil }?.profile
        let shown = usable.filter { $0.required && ($0.profile == nil || $0.profile == profile) }
        let more = usable.filter { !$0.required && !$0.sensitive && $0.profile == nil && $0.example != nil }
        return shown + more.prefix(max(0, 3 - shown.count))
    }

    static func value(of field: SchemaField) -> String {
        if let given = field.example ?? field.defaultValue { return given }
        if let word = field.allowedValues.first { return word }
        return switch field.type {
        case "integer", "number": "1"
        case "boolean": "true"
        case "duration": "10s"
        case "byte size": "1Mi"
        case "url": "https://example.com"
        default: field.name
        }
    }

    /// Text between double quotes, as YAML has it.
    private static func quoted(_ text: String) -> String {
        var out = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": out += "\\\""
            case "\\": out += "\\\\"
            case "\n": out += "\\n"
            case "\t": out += "\\t"
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out + "\""
    }
}
