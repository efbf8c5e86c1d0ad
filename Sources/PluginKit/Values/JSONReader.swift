/// A strict reader of JSON (RFC 8259) that tells of every leaf: the names on the way to it, and its text.
public struct JSONReader {
    static let maxDepth = 64

    private let bytes: UnsafeRawBufferPointer
    private var at = 0
    private var path: [[UInt8]] = []
    private let leaf: ([[UInt8]], [UInt8]) -> Void
    /// Objects and lists at this depth are told of as they are written, and not what is in them.
    private let depth: Int

    /// Reads all of `bytes`, which must be one object. `leaf` gets the names (the position in a list counts
    /// as one) and the value: a text without its quotes, a number as written, `true`, `false`, or nothing
    /// for null. An object or a list that has `depth` names on the way to it is a leaf, too: its text as it is written.
    public static func read(
        _ bytes: UnsafeRawBufferPointer, depth: Int = .max, leaf: @escaping ([[UInt8]], [UInt8]) -> Void
    ) throws(PluginError) {
        guard UTF8Check.isText(bytes) else { throw .invalid("it is not UTF-8 text") }
        var reader = JSONReader(bytes: bytes, depth: depth, leaf: leaf)
        reader.skipSpace()
        guard reader.peek == 0x7B else { throw reader.problem("an object, { … }") }
        try reader.value()
        reader.skipSpace()
        guard reader.at == bytes.count else { throw reader.problem("the end of the text") }
    }

    private init(bytes: UnsafeRawBufferPointer, depth: Int, leaf: @escaping ([[UInt8]], [UInt8]) -> Void) {
        self.bytes = bytes
        self.depth = depth
        self.leaf = leaf
    }

    private func tell(_ value: [UInt8]) {
        if path.count <= depth { leaf(path, value) }
    }

    private var peek: UInt8 { at < bytes.count ? bytes[at] : 0 }

    private mutating func skipSpace() {
        while at < bytes.count, bytes[at] == 0x20 || bytes[at] == 0x0A || bytes[at] == 0x0D || bytes[at] == 0x09 { at += 1 }
    }

    private func problem(_ expected: String) -> PluginError {
        var line = 1
        for byte in bytes.prefix(at) where byte == 0x0A { line += 1 }
        return .invalid("line \(line): \(expected) was expected")
    }

    private mutating func expect(_ byte: UInt8, _ name: String) throws(PluginError) {
        skipSpace()
        guard peek == byte else { throw problem(name) }
        at += 1
    }

    private mutating func value() throws(PluginError) {
        skipSpace()
        guard path.count <= JSONReader.maxDepth else {
            throw .invalid("it is nested deeper than \(JSONReader.maxDepth) levels")
        }
        let start = at
        switch peek {
        case 0x7B: try object()
        case 0x5B: try list()
        case 0x22: return tell(try text())
        case 0x74: return try word("true", "true")
        case 0x66: return try word("false", "false")
        case 0x6E: return try word("null", "")
        default: return tell(try number())
        }
        if path.count == depth { leaf(path, [UInt8](bytes[start..<at])) }
    }

    private mutating func object() throws(PluginError) {
        at += 1
        skipSpace()
        if peek == 0x7D {
            at += 1
            return
        }
        while true {
            skipSpace()
            guard peek == 0x22 else { throw problem("a name in quotes") }
            let name = try text()
            try expect(0x3A, "a colon")
            path.append(name)
            try value()
            path.removeLast()
            skipSpace()
            if peek == 0x2C {
                at += 1
                continue
            }
            return try expect(0x7D, "a comma or }")
        }
    }

    private mutating func list() throws(PluginError) {
        at += 1
        skipSpace()
        if peek == 0x5D {
            at += 1
            return
        }
        var index: Int64 = 0
        while true {
            var name: [UInt8] = []
            Decimal.append(index, to: &name)
            index += 1
            path.append(name)
            try value()
            path.removeLast()
            skipSpace()
            if peek == 0x2C {
                at += 1
                continue
            }
            return try expect(0x5D, "a comma or ]")
        }
    }

    private mutating func word(_ word: StaticString, _ meaning: StaticString) throws(PluginError) {
        guard bytes.count - at >= word.utf8CodeUnitCount,
            memcmp(bytes.baseAddress! + at, word.utf8Start, word.utf8CodeUnitCount) == 0
        else { throw problem("a value") }
        at += word.utf8CodeUnitCount
        tell(Str(meaning).array)
    }

    private mutating func digits() -> Int {
        let start = at
        while peek >= 0x30, peek <= 0x39 { at += 1 }
        return at - start
    }

    private mutating func number() throws(PluginError) -> [UInt8] {
        let start = at
        if peek == 0x2D { at += 1 }
        let isZero = peek == 0x30
        let whole = digits()
        guard whole > 0, !isZero || whole == 1 else { throw problem("a value") }
        if peek == 0x2E {
            at += 1
            guard digits() > 0 else { throw problem("a digit") }
        }
        if peek | 0x20 == 0x65 {
            at += 1
            if peek == 0x2B || peek == 0x2D { at += 1 }
            guard digits() > 0 else { throw problem("a digit") }
        }
        return [UInt8](bytes[start..<at])
    }

    private mutating func text() throws(PluginError) -> [UInt8] {
        at += 1
        var text: [UInt8] = []
        while at < bytes.count {
            let byte = bytes[at]
            if byte == 0x22 {
                at += 1
                return text
            }
            guard byte >= 0x20 else { throw problem("a text without control characters") }
            at += 1
            if byte == 0x5C { try escape(&text) } else { text.append(byte) }
        }
        throw problem("the quotation mark that ends a text")
    }

    private mutating func escape(_ text: inout [UInt8]) throws(PluginError) {
        let byte = peek
        at += 1
        switch byte {
        case 0x22, 0x5C, 0x2F: text.append(byte)
        case 0x62: text.append(0x08)
        case 0x66: text.append(0x0C)
        case 0x6E: text.append(0x0A)
        case 0x72: text.append(0x0D)
        case 0x74: text.append(0x09)
        case 0x75:
            guard var unit = hex() else { throw problem("four hexadecimal digits") }
            if unit >= 0xDC00, unit < 0xE000 { throw problem("the first half of a surrogate pair") }
            if unit >= 0xD800, unit < 0xDC00 {
                guard peek == 0x5C, at + 1 < bytes.count, bytes[at + 1] == 0x75 else {
                    throw problem("the second half of a surrogate pair")
                }
                at += 2
                guard let low = hex(), low >= 0xDC00, low < 0xE000 else { throw problem("the second half of a surrogate pair") }
                unit = 0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00)
            }
            append(unit, to: &text)
        default: throw problem("a known escape after the backslash")
        }
    }

    /// Four digits; `nil` when they aren't there.
    private mutating func hex() -> UInt32? {
        guard bytes.count - at >= 4 else { return nil }
        let high = JSONReader.digit(bytes[at]) << 12 | JSONReader.digit(bytes[at + 1]) << 8
        let value = high | JSONReader.digit(bytes[at + 2]) << 4 | JSONReader.digit(bytes[at + 3])
        at += 4
        return value < 0x10000 ? value : nil
    }

    /// The value of a hexadecimal digit; far more than 15 for anything else.
    private static func digit(_ byte: UInt8) -> UInt32 {
        if byte >= 0x30, byte <= 0x39 { return UInt32(byte - 0x30) }
        let letter = byte | 0x20
        return letter >= 0x61 && letter <= 0x66 ? UInt32(letter - 0x57) : 0x10000
    }

    private func append(_ scalar: UInt32, to text: inout [UInt8]) {
        func low(_ shift: UInt32) -> UInt8 { UInt8(truncatingIfNeeded: scalar >> shift & 0x3F | 0x80) }
        switch scalar {
        case 0..<0x80: text.append(UInt8(scalar))
        case 0x80..<0x800: text.append(contentsOf: [UInt8(scalar >> 6 | 0xC0), low(0)])
        case 0x800..<0x10000: text.append(contentsOf: [UInt8(scalar >> 12 | 0xE0), low(6), low(0)])
        default: text.append(contentsOf: [UInt8(scalar >> 18 | 0xF0), low(12), low(6), low(0)])
        }
    }
}
