package import JSONText

extension Google_Protobuf_Struct {
    /// Members of JSON; of a repeated name the last counts.
    package init(_ members: [(name: String, value: JSONValue)]) {
        self.init()
        for member in members { fields[member.name] = Google_Protobuf_Value(member.value) }
    }
}

extension Google_Protobuf_Value {
    package init(_ value: JSONValue) {
        self.init()
        switch value {
        case .null: kind = .nullValue(.nullValue)
        case .bool(let flag): kind = .boolValue(flag)
        case .number(let text): kind = .numberValue(Double(text) ?? 0)
        case .string(let text): kind = .stringValue(text)
        case .array(let items):
            kind = .listValue(.with { list in list.values = items.map { Google_Protobuf_Value($0) } })
        case .object(let members): kind = .structValue(Google_Protobuf_Struct(members))
        }
    }
}
