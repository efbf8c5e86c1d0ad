extension JSONTree {
    /// The value of one JSON text (RFC 8259). Throws `AdminJSON.Unreadable` with the place of the fault.
    init(parsing bytes: [UInt8]) throws(AdminJSON.Unreadable) {
        var parser = Parser(bytes: bytes)
        self = try parser.value(depth: 0)
        parser.skipBlanks()
        guard parser.position == bytes.count else { throw parser.fault("nothing more") }
    }

    private struct Parser {
        /// Arrays and objects in each other; the documents have five.
        static let deepest = 64
        let bytes: [UInt8]
        var position = 0

        var next: UInt8? { position < bytes.count ? bytes[position] : nil }

        func fault(_ wanted: String) -> AdminJSON.Unreadable {
            AdminJSON.Unreadable(description: "it is not JSON: \(wanted) is missing at byte \(position)")
        }

        mutating func skipBlanks() {
            while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
        }

        mutating func take(_ byte: UInt8) -> Bool {
            skipBlanks()
            guard next == byte else { return false }
            position += 1
            return true
        }

        mutating func value(depth: Int) throws(AdminJSON.Unreadable) -> JSONTree {
            guard depth < Self.deepest else { throw fault("a value that is not nested so deep") }
            skipBlanks()
            switch next {
            case UInt8(ascii: "{"): return try object(depth: depth)
            case UInt8(ascii: "["): return try array(depth: depth)
            case UInt8(ascii: "\""): return .string(try string())
            case UInt8(ascii: "t"): return try word("true", .bool(true))
            case UInt8(ascii: "f"): return try word("false", .bool(false))
            case UInt8(ascii: "n"): return try word("null", .null)
            default: return try number()
            }
        }

        mutating func word(_ word: StaticString, _ value: JSONTree) throws(AdminJSON.Unreadable) -> JSONTree {
            let text = "\(word)".utf8
            guard bytes[position...].starts(with: text) else { throw fault("'\(word)'") }
            position += text.count
            return value
        }

        mutating func object(depth: Int) throws(AdminJSON.Unreadable) -> JSONTree {
            position += 1
            var members: [(String, JSONTree)] = []
            if take(UInt8(ascii: "}")) { return .object(members) }
            repeat {
                skipBlanks()
                guard next == UInt8(ascii: "\"") else { throw fault("a member's name") }
                let name = try string()
                guard take(UInt8(ascii: ":")) else { throw fault("a colon") }
                members.append((name, try value(depth: depth + 1)))
            } while take(UInt8(ascii: ","))
            guard take(UInt8(ascii: "}")) else { throw fault("'}'") }
            return .object(members)
        }

        mutating func array(depth: Int) throws(AdminJSON.Unreadable) -> JSONTree {
            position += 1
            var items: [JSONTree] = []
            if take(UInt8(ascii: "]")) { return .array(items) }
            repeat { items.append(try value(depth: depth + 1)) } while take(UInt8(ascii: ","))
            guard take(UInt8(ascii: "]")) else { throw fault("']'") }
            return .array(items)
        }

        mutating func number() throws(AdminJSON.Unreadable) -> JSONTree {
            let start = position
            while let byte = next, (0x30...0x39).contains(byte) || "+-.eE".utf8.contains(byte) { position += 1 }
            let text = String(decoding: bytes[start..<position], as: UTF8.self)
            if let number = Int64(text), text.first != "+" { return .integer(number) }
            guard text.first != "+", text.first != ".", let number = Double(text), number.isFinite else {
                position = start
                throw fault("a value")
            }
            return .double(number)
        }

        mutating func string() throws(AdminJSON.Unreadable) -> String {
            position += 1
            var text: [UInt8] = []
            while let byte = next {
                position += 1
                switch byte {
                case UInt8(ascii: "\""):
                    guard let string = String(validating: text, as: UTF8.self) else { throw fault("UTF-8") }
                    return string
                case UInt8(ascii: "\\"): try escape(into: &text)
                case 0..<0x20: throw fault("an escape for a control character")
                default: text.append(byte)
                }
            }
            throw fault("the end of a string")
        }

        mutating func escape(into text: inout [UInt8]) throws(AdminJSON.Unreadable) {
            guard let byte = next else { throw fault("an escape") }
            position += 1
            switch byte {
            case UInt8(ascii: "n"): text.append(0x0A)
            case UInt8(ascii: "r"): text.append(0x0D)
            case UInt8(ascii: "t"): text.append(0x09)
            case UInt8(ascii: "b"): text.append(0x08)
            case UInt8(ascii: "f"): text.append(0x0C)
            case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
            case UInt8(ascii: "u"):
                var unit = try hexadecimal()
                // A character beyond the basic plane is a pair of surrogates (RFC 8259 §7).
                if 0xD800..<0xDC00 ~= unit, bytes[position...].starts(with: "\\u".utf8) {
                    position += 2
                    let low = try hexadecimal()
                    guard 0xDC00..<0xE000 ~= low else { throw fault("the second half of a surrogate pair") }
                    unit = 0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00)
                }
                guard let scalar = Unicode.Scalar(unit) else { throw fault("a character") }
                text += String(Character(scalar)).utf8
            default: throw fault("an escape")
            }
        }

        mutating func hexadecimal() throws(AdminJSON.Unreadable) -> UInt32 {
            let digits = bytes[position..<min(position + 4, bytes.count)]
            guard digits.count == 4, digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
                let value = UInt32(String(decoding: digits, as: UTF8.self), radix: 16)
            else { throw fault("four hexadecimal digits") }
            position += 4
            return value
        }
    }
}
