import AdminAPI
import Console

/// A component type that a plugin offers, for eyes.
enum ComponentTypeView {
    static func text(_ type: ComponentType, on terminal: Terminal) -> String {
        var list = FieldList()
        list.add("about", type.description ?? type.title)
        list.add("maturity", type.maturity)
        list.add("runs", type.execution + (type.workers.map { ", \(HumanFormat.count($0, "worker"))" } ?? ""))
        list.add("features", type.features.joined(separator: ", "))
        list.add("operations", type.operations.joined(separator: ", "))
        list.add("more", type.link)
        var text = Style.header.applied(to: "\(type.name)/\(type.version)".printable, colour: terminal.colour) + "\n"
        text += list.rendered(colour: terminal.colour, indent: 2)
        guard !type.fields.isEmpty else { return text }
        var table = Table([
            Table.Column("  METADATA"), Table.Column("TYPE"), Table.Column("NEEDED"), Table.Column("DEFAULT"),
            Table.Column("ABOUT", canShrink: true),
        ])
        for field in type.fields {
            table.add(
                Table.Cell("  " + field.name), Table.Cell(valueType(field)),
                Table.Cell(field.required ? "yes" : nil), Table.Cell(field.defaultValue), Table.Cell(about(field)))
        }
        return text + table.rendered(width: terminal.width, colour: terminal.colour)
    }

    private static func valueType(_ field: SchemaField) -> String {
        field.allowedValues.isEmpty ? field.type : field.allowedValues.joined(separator: "|")
    }

    private static func about(_ field: SchemaField) -> String {
        var parts: [String] = []
        if let description = field.description { parts.append(description) }
        if let successor = field.successor { parts.append("deprecated: use \(successor)") }
        if !field.aliases.isEmpty { parts.append("also \(field.aliases.joined(separator: ", "))") }
        if let example = field.example { parts.append("e.g. \(example)") }
        if let profile = field.profile { parts.append("with \(profile)") }
        if field.sensitive { parts.append("secret") }
        if field.hot { parts.append("can change while running") }
        return parts.joined(separator: "; ")
    }
}
