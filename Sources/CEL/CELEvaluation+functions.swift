import Glibc
import TextSearch

extension CELEvaluation {
    mutating func call(_ name: String, _ target: CELNode?, _ arguments: [CELNode]) throws(CELError) -> CELValue {
        var values: [CELValue] = []
        if let target { values.append(try value(target)) }
        for argument in arguments { values.append(try value(argument)) }
        switch (name, values[0]) {
        case ("size", .string(let text)): return .int(Int64(text.unicodeScalars.count))
        case ("size", .bytes(let bytes)): return .int(Int64(bytes.count))
        case ("size", .list(let items)): return .int(Int64(items.count))
        case ("size", .map(let members)): return .int(Int64(members.count))
        case ("type", let value): return .string(value.typeName)
        case ("contains", .string(let text)), ("startsWith", .string(let text)), ("endsWith", .string(let text)),
            ("matches", .string(let text)):
            guard case .string(let other) = values[1] else { throw CELError("\(name) takes a string") }
            return .bool(try compare(name, text, other))
        case ("int", _), ("uint", _), ("double", _), ("string", _), ("bool", _), ("bytes", _):
            guard let made = Self.convert(values[0], to: name) else {
                throw CELError("this \(values[0].typeName) has no \(name)")
            }
            return made
        default: throw CELError("\(name) does not take a \(values[0].typeName)")
        }
    }

    private mutating func compare(_ name: String, _ text: String, _ other: String) throws(CELError) -> Bool {
        let bytes = Array(text.utf8), part = Array(other.utf8)
        left -= (bytes.count + part.count) / 16
        switch name {
        case "startsWith": return bytes.starts(with: part)
        case "endsWith": return bytes.reversed().starts(with: part.reversed())
        case "contains": return part.isEmpty || text.contains(text: other)
        default: return try search(text, other)
        }
    }

    /// A part of the text matches the pattern, an extended regular expression of POSIX.
    private mutating func search(_ text: String, _ pattern: String) throws(CELError) -> Bool {
        guard pattern.utf8.count <= 1024, !pattern.utf8.contains(0) else { throw CELError("the pattern is too long") }
        // Back-references would take time without bound.
        var isEscaped = false
        for byte in pattern.utf8 {
            if isEscaped, (0x31...0x39).contains(byte) { throw CELError("the pattern has a back-reference") }
            isEscaped = byte == 0x5c && !isEscaped
        }
        left -= text.utf8.count * (pattern.utf8.count + 1) / 16
        guard left > 0 else { throw CELError("the expression takes too long") }
        var compiled = regex_t()
        guard regcomp(&compiled, pattern, REG_EXTENDED | REG_NOSUB) == 0 else { throw CELError("the pattern is no regular expression") }
        defer { regfree(&compiled) }
        return regexec(&compiled, text, 0, nil, 0) == 0
    }

    private static func convert(_ value: CELValue, to name: String) -> CELValue? {
        switch (name, value) {
        case ("int", .int), ("uint", .uint), ("double", .double), ("string", .string), ("bool", .bool), ("bytes", .bytes): value
        case ("int", .uint(let number)): Int64(exactly: number).map { .int($0) }
        case ("int", .double(let number)): Int64(exactly: number.rounded(.towardZero)).map { .int($0) }
        case ("int", .string(let text)): Int64(text).map { .int($0) }
        case ("uint", .int(let number)): UInt64(exactly: number).map { .uint($0) }
        case ("uint", .double(let number)): UInt64(exactly: number.rounded(.towardZero)).map { .uint($0) }
        case ("uint", .string(let text)): UInt64(text).map { .uint($0) }
        case ("double", .int(let number)): .double(Double(number))
        case ("double", .uint(let number)): .double(Double(number))
        case ("double", .string(let text)): Double(text).map { .double($0) }
        case ("string", .int(let number)): .string(String(number))
        case ("string", .uint(let number)): .string(String(number))
        case ("string", .double(let number)): .string(String(number))
        case ("string", .bool(let flag)): .string(String(flag))
        case ("string", .bytes(let bytes)): String(validating: bytes, as: UTF8.self).map { .string($0) }
        case ("bytes", .string(let text)): .bytes(Array(text.utf8))
        case ("bool", .string("true")), ("bool", .string("True")), ("bool", .string("TRUE")), ("bool", .string("t")), ("bool", .string("1")): .bool(true)
        case ("bool", .string("false")), ("bool", .string("False")), ("bool", .string("FALSE")), ("bool", .string("f")), ("bool", .string("0")): .bool(false)
        default: nil
        }
    }
}
