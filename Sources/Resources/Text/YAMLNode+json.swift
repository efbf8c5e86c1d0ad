import JSONText

extension YAMLNode {
    /// The node as JSON: what a component gets when its setting is a list or a mapping in place of a text.
    /// Plain scalars that are JSON's numbers and words stay such, everything else is a string.
    package var jsonText: String {
        var writer = JSONWriter()
        writer.value(json)
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    private var json: JSONValue {
        switch content {
        case .sequence(let items): .array(items.map(\.json))
        case .mapping(let members): .object(members.map { ($0.name, $0.value.json) })
        case .scalar(let text, let style):
            if isNull {
                .null
            } else if style == .plain, tag == nil, let value = try? JSONValue(parsing: text), value.isNumberOrBoolean {
                value
            } else {
                .string(text)
            }
        }
    }
}

extension JSONValue {
    fileprivate var isNumberOrBoolean: Bool {
        switch self {
        case .number, .bool: true
        default: false
        }
    }
}
