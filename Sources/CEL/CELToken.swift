/// The words of an expression.
enum CELToken: Equatable {
    case identifier(String)
    case int(Int64)
    case uint(UInt64)
    case double(Double)
    case string(String)
    case bytes([UInt8])
    case symbol(String)
    case end
}

struct CELLexer {
    private let bytes: [UInt8]
    private(set) var offset = 0

    init(_ text: String) { bytes = Array(text.utf8) }

    private func at(_ index: Int) -> UInt8 { index < bytes.count ? bytes[index] : 0 }
    private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
    private static func isLetter(_ byte: UInt8) -> Bool { (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte) || byte == 0x5f }

    /// The next word, and where it begins.
    mutating func next() throws(CELError) -> (token: CELToken, at: Int) {
        skip()
        let start = offset
        guard offset < bytes.count else { return (.end, start) }
        let byte = bytes[offset]
        if byte == 0x22 || byte == 0x27 { return (.string(String(decoding: try quoted(isRaw: false, isBytes: false), as: UTF8.self)), start) }
        if Self.isLetter(byte) {
            if let literal = try prefixed() { return (literal, start) }
            while Self.isLetter(at(offset)) || Self.isDigit(at(offset)) { offset += 1 }
            return (.identifier(String(decoding: bytes[start..<offset], as: UTF8.self)), start)
        }
        if Self.isDigit(byte) || byte == 0x2e && Self.isDigit(at(offset + 1)) { return (try number(), start) }
        for symbol in ["&&", "||", "==", "!=", "<=", ">="] where Array(symbol.utf8) == Array(bytes[offset..<min(offset + 2, bytes.count)]) {
            offset += 2
            return (.symbol(symbol), start)
        }
        guard "+-*/%!<>?:.,()[]{}".utf8.contains(byte) else { throw CELError("'\(String(decoding: [byte], as: UTF8.self))' is not expected", at: start) }
        offset += 1
        return (.symbol(String(decoding: [byte], as: UTF8.self)), start)
    }

    /// White space and comments.
    private mutating func skip() {
        while offset < bytes.count {
            if bytes[offset] == 0x2f, at(offset + 1) == 0x2f {
                while offset < bytes.count, bytes[offset] != 0x0a { offset += 1 }
            } else if [0x20, 0x09, 0x0a, 0x0c, 0x0d].contains(bytes[offset]) {
                offset += 1
            } else {
                return
            }
        }
    }

    /// `r"…"`, `b"…"`, `rb"…"`.
    private mutating func prefixed() throws(CELError) -> CELToken? {
        var end = offset, isRaw = false, isBytes = false
        while end < offset + 2, let letter = Optional(at(end) | 0x20), letter == 0x72 || letter == 0x62 {
            if letter == 0x72 { isRaw = true } else { isBytes = true }
            end += 1
        }
        guard end > offset, at(end) == 0x22 || at(end) == 0x27 else { return nil }
        offset = end
        let content = try quoted(isRaw: isRaw, isBytes: isBytes)
        return isBytes ? .bytes(content) : .string(String(decoding: content, as: UTF8.self))
    }

    private mutating func quoted(isRaw: Bool, isBytes: Bool) throws(CELError) -> [UInt8] {
        let quote = bytes[offset], start = offset
        let isTriple = at(offset + 1) == quote && at(offset + 2) == quote
        offset += isTriple ? 3 : 1
        var content: [UInt8] = []
        while offset < bytes.count {
            let byte = bytes[offset]
            if byte == quote, !isTriple || at(offset + 1) == quote && at(offset + 2) == quote {
                offset += isTriple ? 3 : 1
                return content
            }
            if byte == 0x0a, !isTriple { break }
            offset += 1
            if byte == 0x5c, !isRaw { try escape(&content, isBytes) } else { content.append(byte) }
        }
        throw CELError("a text without its end", at: start)
    }

    private mutating func escape(_ content: inout [UInt8], _ isBytes: Bool) throws(CELError) {
        let start = offset - 1
        func bad() -> CELError { CELError("no such escape", at: start) }
        let byte = at(offset)
        offset += 1
        func append(_ value: UInt32) throws(CELError) {
            if isBytes {
                guard let byte = UInt8(exactly: value) else { throw bad() }
                content.append(byte)
            } else {
                guard let scalar = Unicode.Scalar(value) else { throw bad() }
                content.append(contentsOf: Array(String(Character(scalar)).utf8))
            }
        }
        func digits(_ count: Int, _ radix: Int) throws(CELError) -> UInt32 {
            guard offset + count <= bytes.count,
                let value = UInt32(String(decoding: bytes[offset..<offset + count], as: UTF8.self), radix: radix), at(offset) != 0x2b, at(offset) != 0x2d
            else { throw bad() }
            offset += count
            return value
        }
        switch byte {
        case UInt8(ascii: "a"): content.append(7)
        case UInt8(ascii: "b"): content.append(8)
        case UInt8(ascii: "f"): content.append(12)
        case UInt8(ascii: "n"): content.append(10)
        case UInt8(ascii: "r"): content.append(13)
        case UInt8(ascii: "t"): content.append(9)
        case UInt8(ascii: "v"): content.append(11)
        case 0x5c, 0x22, 0x27, UInt8(ascii: "`"), UInt8(ascii: "?"): content.append(byte)
        case UInt8(ascii: "x"), UInt8(ascii: "X"): try append(try digits(2, 16))
        case UInt8(ascii: "u") where !isBytes: try append(try digits(4, 16))
        case UInt8(ascii: "U") where !isBytes: try append(try digits(8, 16))
        case 0x30...0x33:
            offset -= 1
            try append(try digits(3, 8))
        default: throw bad()
        }
    }

    private mutating func number() throws(CELError) -> CELToken {
        let start = offset
        if at(offset) == 0x30, at(offset + 1) | 0x20 == 0x78 {
            offset += 2
            let from = offset
            while Self.isDigit(at(offset)) || (0x61...0x66).contains(at(offset) | 0x20) { offset += 1 }
            return try whole(String(decoding: bytes[from..<offset], as: UTF8.self), 16, start)
        }
        var isDouble = false
        while Self.isDigit(at(offset)) { offset += 1 }
        if at(offset) == 0x2e, Self.isDigit(at(offset + 1)) {
            isDouble = true
            offset += 1
            while Self.isDigit(at(offset)) { offset += 1 }
        }
        if at(offset) | 0x20 == 0x65 {
            isDouble = true
            offset += 1
            if at(offset) == 0x2b || at(offset) == 0x2d { offset += 1 }
            guard Self.isDigit(at(offset)) else { throw CELError("a digit is missing in an exponent", at: start) }
            while Self.isDigit(at(offset)) { offset += 1 }
        }
        let text = String(decoding: bytes[start..<offset], as: UTF8.self)
        guard isDouble else { return try whole(text, 10, start) }
        guard let value = Double(text) else { throw CELError("no such number", at: start) }
        return .double(value)
    }

    private mutating func whole(_ digits: String, _ radix: Int, _ start: Int) throws(CELError) -> CELToken {
        if at(offset) | 0x20 == 0x75 {
            offset += 1
            guard let value = UInt64(digits, radix: radix) else { throw CELError("the number is too large", at: start) }
            return .uint(value)
        }
        if let value = Int64(digits, radix: radix) { return .int(value) }
        // The smallest number has no positive of its own.
        if UInt64(digits, radix: radix) == 1 << 63 { return .int(.min) }
        throw CELError("the number is too large", at: start)
    }
}
