/// Names and values below each other, the values aligned:
///
///     version  1.4.0
///     types    state.redis, pubsub.redis
package struct FieldList: Sendable {
    private var fields: [(name: String, value: Table.Cell)] = []

    package init() {}

    /// Adds a field. An absent or empty value leaves the field out.
    package mutating func add(_ name: String, _ value: String?, _ style: Style = .plain) {
        guard let value, !value.isEmpty else { return }
        fields.append((name, Table.Cell(value, style)))
    }

    /// The list as text, each line ending in a line feed and starting with `indent` blanks.
    package func rendered(colour: Bool, indent: Int = 0) -> String {
        let width = fields.reduce(0) { max($0, $1.name.displayWidth) }
        var text = ""
        for (name, value) in fields {
            let padding = String(repeating: " ", count: width - name.displayWidth + 2)
            text += String(repeating: " ", count: indent) + Style.faint.applied(to: name, colour: colour) + padding
            text += value.style.applied(to: value.text, colour: colour) + "\n"
        }
        return text
    }
}
