/// Walks JSON text without building anything: the one place where the grammar of RFC 8259 is checked.
/// Borrows the bytes; made and used within one function.
package struct JSONScanner {
    package let bytes: UnsafeRawBufferPointer
    package private(set) var offset = 0
    /// Objects and arrays within each other.
    package static let depthLimit = 100

    package init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    package func error(_ cause: String) -> JSONError { JSONError(offset: offset, cause: cause) }

    @inline(__always)
    private func peek() -> UInt8? { offset < bytes.count ? bytes[offset] : nil }

    package mutating func skipSpace() {
        while offset < bytes.count {
            switch bytes[offset] {
            case 0x20, 0x0a, 0x0d, 0x09: offset += 1
            default: return
            }
        }
    }

    /// The next byte that is not white space, not consumed; 0 at the end.
    package mutating func next() -> UInt8 {
        skipSpace()
        return peek() ?? 0
    }

    package mutating func expect(_ byte: UInt8, _ what: String) throws(JSONError) {
        guard next() == byte, offset < bytes.count else { throw error("\(what) expected") }
        offset += 1
    }

    /// Whether the byte came, which is then consumed.
    package mutating func accept(_ byte: UInt8) -> Bool {
        guard next() == byte, offset < bytes.count else { return false }
        offset += 1
        return true
    }

    /// Nothing but white space may follow.
    package mutating func finish() throws(JSONError) {
        skipSpace()
        guard offset == bytes.count else { throw error("unexpected text after the value") }
    }

    /// Walks over one value of any kind; its bytes are those from the start to the new offset.
    package mutating func skipValue(depth: Int = 0) throws(JSONError) {
        switch next() {
        case 0x7b:  // {
            try descend(depth)
            offset += 1
            if accept(0x7d) { return }
            repeat {
                guard next() == 0x22 else { throw error("a member's name in quotes expected") }
                _ = try string()
                try expect(0x3a, "':'")
                try skipValue(depth: depth + 1)
            } while accept(0x2c)
            try expect(0x7d, "',' or '}'")
        case 0x5b:  // [
            try descend(depth)
            offset += 1
            if accept(0x5d) { return }
            repeat { try skipValue(depth: depth + 1) } while accept(0x2c)
            try expect(0x5d, "',' or ']'")
        case 0x22: _ = try string()
        case 0x74: try word("true")
        case 0x66: try word("false")
        case 0x6e: try word("null")
        case 0x2d, 0x30...0x39: try number()
        default:
            throw error(offset == bytes.count ? "the text ends where a value is expected" : "a value expected")
        }
    }

    private func descend(_ depth: Int) throws(JSONError) {
        guard depth < JSONScanner.depthLimit else {
            throw error("more than \(JSONScanner.depthLimit) levels")
        }
    }

    package mutating func word(_ word: StaticString) throws(JSONError) {
        let matches = word.withUTF8Buffer { text in
            offset + text.count <= bytes.count && bytes[offset..<offset + text.count].elementsEqual(text)
        }
        guard matches else { throw error("true, false or null expected") }
        offset += word.utf8CodeUnitCount
    }

    package mutating func number() throws(JSONError) {
        if peek() == 0x2d { offset += 1 }
        switch peek() {
        case 0x30?: offset += 1
        case .some(0x31...0x39): digits()
        default: throw error("a digit expected")
        }
        if peek() == 0x2e {
            offset += 1
            guard digits() > 0 else { throw error("a digit expected after '.'") }
        }
        if peek() == 0x65 || peek() == 0x45 {
            offset += 1
            if peek() == 0x2b || peek() == 0x2d { offset += 1 }
            guard digits() > 0 else { throw error("a digit expected in the exponent") }
        }
    }

    @discardableResult
    private mutating func digits() -> Int {
        let start = offset
        while let byte = peek(), (0x30...0x39).contains(byte) { offset += 1 }
        return offset - start
    }

    /// A string, checked for escapes and UTF-8. Returns the bytes between the quotes and whether there
    /// are escapes in them.
    package mutating func string() throws(JSONError) -> (raw: UnsafeRawBufferPointer, hasEscapes: Bool) {
        offset += 1
        let start = offset
        var hasEscapes = false
        while true {
            offset = endOfPlainRun(bytes, from: offset)
            guard offset < bytes.count else { break }
            let byte = bytes[offset]
            if byte == 0x22 {
                offset += 1
                return (UnsafeRawBufferPointer(rebasing: bytes[start..<offset - 1]), hasEscapes)
            } else if byte == 0x5c {
                hasEscapes = true
                try escape()
            } else if byte < 0x20 {
                throw error("a control character must be escaped")
            } else if byte < 0x80 {
                offset += 1
            } else {
                try multibyte(byte)
            }
        }
        throw error("the text ends within a string")
    }

    private mutating func escape() throws(JSONError) {
        offset += 1
        switch peek() {
        case 0x22?, 0x5c?, 0x2f?, 0x62?, 0x66?, 0x6e?, 0x72?, 0x74?: offset += 1
        case 0x75?:
            let unit = try hexadecimal()
            if (0xd800...0xdbff).contains(unit) {
                guard offset + 1 < bytes.count, bytes[offset] == 0x5c, bytes[offset + 1] == 0x75 else {
                    throw error("a high surrogate without its low one")
                }
                offset += 1
                guard (0xdc00...0xdfff).contains(try hexadecimal()) else {
                    throw error("a high surrogate without its low one")
                }
            } else if (0xdc00...0xdfff).contains(unit) {
                throw error("a low surrogate without its high one")
            }
        default: throw error("no such escape")
        }
    }

    private mutating func hexadecimal() throws(JSONError) -> UInt32 {
        guard offset + 5 <= bytes.count else { throw error("four hexadecimal digits expected") }
        var value: UInt32 = 0
        for byte in bytes[offset + 1..<offset + 5] {
            guard let digit = JSONScanner.hexadecimalDigit(byte) else {
                throw error("four hexadecimal digits expected")
            }
            value = value << 4 | digit
        }
        offset += 5
        return value
    }

    static func hexadecimalDigit(_ byte: UInt8) -> UInt32? {
        switch byte {
        case 0x30...0x39: UInt32(byte - 0x30)
        case 0x41...0x46: UInt32(byte - 0x37)
        case 0x61...0x66: UInt32(byte - 0x57)
        default: nil
        }
    }

    /// One character of two to four bytes (RFC 3629: no overlong forms, no surrogates).
    private mutating func multibyte(_ first: UInt8) throws(JSONError) {
        func at(_ index: Int) -> UInt8 { offset + index < bytes.count ? bytes[offset + index] : 0 }
        func tail(_ index: Int) -> Bool { at(index) & 0xc0 == 0x80 }
        let length: Int
        switch first {
        case 0xc2...0xdf where tail(1): length = 2
        case 0xe0 where at(1) >= 0xa0 && tail(1) && tail(2): length = 3
        case 0xe1...0xec where tail(1) && tail(2): length = 3
        case 0xed where at(1) < 0xa0 && tail(1) && tail(2): length = 3
        case 0xee...0xef where tail(1) && tail(2): length = 3
        case 0xf0 where at(1) >= 0x90 && tail(1) && tail(2) && tail(3): length = 4
        case 0xf1...0xf3 where tail(1) && tail(2) && tail(3): length = 4
        case 0xf4 where at(1) < 0x90 && tail(1) && tail(2) && tail(3): length = 4
        default: throw error("not UTF-8")
        }
        offset += length
    }
}
