/// A JSON value as a tree. Members keep their order; of a repeated name the last one counts; numbers
/// keep the text that they were written with.
package enum JSONValue: Sendable, Equatable {
    case null
    case bool(Bool)
    case number(String)
    case string(String)
    case array([JSONValue])
    case object([(name: String, value: JSONValue)])

    /// Parses a whole text.
    package init(parsing bytes: UnsafeRawBufferPointer) throws(JSONError) {
        var scanner = JSONScanner(bytes)
        self = try JSONValue(&scanner, depth: 0)
        try scanner.finish()
    }

    package init(parsing text: String) throws(JSONError) { try self.init(parsing: Array(text.utf8)) }

    package init(parsing bytes: [UInt8]) throws(JSONError) {
        let result = bytes.withUnsafeBytes { buffer -> Result<JSONValue, JSONError> in
            do throws(JSONError) { return .success(try JSONValue(parsing: buffer)) } catch { return .failure(error) }
        }
        self = try result.get()
    }

    private init(_ scanner: inout JSONScanner, depth: Int) throws(JSONError) {
        guard depth < JSONScanner.depthLimit else { throw scanner.error("more than \(JSONScanner.depthLimit) levels") }
        let first = scanner.next()
        let start = scanner.offset
        switch first {
        case 0x7b:
            try scanner.expect(0x7b, "'{'")
            var members: [(name: String, value: JSONValue)] = []
            // Where each name is, once there are too many to look through: a text of nothing but names
            // must not cost the square of its length.
            var places: [String: Int] = [:]
            if !scanner.accept(0x7d) {
                repeat {
                    guard scanner.next() == 0x22 else { throw scanner.error("a member's name in quotes expected") }
                    let (raw, hasEscapes) = try scanner.string()
                    let name = unescapedJSON(raw, hasEscapes: hasEscapes)
                    try scanner.expect(0x3a, "':'")
                    let value = try JSONValue(&scanner, depth: depth + 1)
                    if members.count == 16, places.isEmpty {
                        for (index, member) in members.enumerated() { places[member.name] = index }
                    }
                    let known = members.count < 16 ? members.firstIndex { $0.name == name } : places[name]
                    if let known {
                        members[known].value = value
                    } else {
                        if members.count >= 16 { places[name] = members.count }
                        members.append((name, value))
                    }
                } while scanner.accept(0x2c)
                try scanner.expect(0x7d, "',' or '}'")
            }
            self = .object(members)
        case 0x5b:
            try scanner.expect(0x5b, "'['")
            var items: [JSONValue] = []
            if !scanner.accept(0x5d) {
                repeat { items.append(try JSONValue(&scanner, depth: depth + 1)) } while scanner.accept(0x2c)
                try scanner.expect(0x5d, "',' or ']'")
            }
            self = .array(items)
        case 0x22:
            let (raw, hasEscapes) = try scanner.string()
            self = .string(unescapedJSON(raw, hasEscapes: hasEscapes))
        default:
            try scanner.skipValue()
            let text = String(decoding: scanner.bytes[start..<scanner.offset], as: UTF8.self)
            switch text {
            case "true": self = .bool(true)
            case "false": self = .bool(false)
            case "null": self = .null
            default: self = .number(text)
            }
        }
    }

    package subscript(_ name: String) -> JSONValue? {
        if case .object(let members) = self { return members.first { $0.name == name }?.value }
        return nil
    }

    package var string: String? { if case .string(let text) = self { text } else { nil } }
    package var array: [JSONValue]? { if case .array(let items) = self { items } else { nil } }
    package var members: [(name: String, value: JSONValue)]? {
        if case .object(let members) = self { members } else { nil }
    }
    package var integer: Int? { if case .number(let text) = self { Int(text) } else { nil } }
    package var bool: Bool? { if case .bool(let flag) = self { flag } else { nil } }

    package static func == (one: JSONValue, other: JSONValue) -> Bool {
        switch (one, other) {
        case (.null, .null): true
        case (.bool(let a), .bool(let b)): a == b
        case (.number(let a), .number(let b)): a == b
        case (.string(let a), .string(let b)): a == b
        case (.array(let a), .array(let b)): a == b
        // Members in another order are the same object.
        case (.object(let a), .object(let b)): a.count == b.count && areEqual(a, b)
        default: false
        }
    }

    private static func areEqual(
        _ one: [(name: String, value: JSONValue)], _ other: [(name: String, value: JSONValue)]
    ) -> Bool {
        // The usual case, which needs no table.
        if zip(one, other).allSatisfy({ $0.name == $1.name }) {
            return zip(one, other).allSatisfy { $0.value == $1.value }
        }
        let values = Dictionary(other.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 })
        return one.allSatisfy { values[$0.name] == $0.value }
    }
}
