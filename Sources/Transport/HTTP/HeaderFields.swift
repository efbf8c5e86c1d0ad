#if canImport(Glibc)
    import Glibc
#endif

/// Header fields of one message, names in lower case, in the order of arrival. A value.
///
/// Names and values lie one behind the other in one array, each pair behind its two lengths, so that a request costs no
/// `String`, one allocation, and none with the array reused. Whatever is in it is valid: a name is a token, and nothing in a
/// value can end a line (RFC 9110 §5.5, §5.6.2). Who appends bytes has checked them; texts are checked here.
package struct HeaderFields: Sendable {
    /// Of each field the length of its name and of its value, 32 bits each, then both.
    private var bytes: [UInt8] = []

    /// How many fields there are.
    package private(set) var count = 0

    /// The bytes that tell the lengths of one field.
    private static let prefix = 8

    package init() {}

    /// Fields of texts; see `append(_:_:)`.
    package init(_ pairs: [(String, String)]) {
        reserveCapacity(pairs.count, bytes: pairs.count * 32)
        for (name, value) in pairs { append(name, value) }
    }

    /// The fields as texts. Bytes that are not UTF-8 are repaired.
    package var pairs: [(String, String)] {
        var pairs: [(String, String)] = []
        pairs.reserveCapacity(count)
        forEach { pairs.append((String(decoding: $0, as: UTF8.self), String(decoding: $1, as: UTF8.self))) }
        return pairs
    }

    package var isEmpty: Bool { count == 0 }

    /// The value of the first field called `name` (lower case), or nil. Bytes that are not UTF-8 are repaired.
    package subscript(_ name: String) -> String? {
        var name = name
        return name.withUTF8 { value(of: UnsafeRawBufferPointer($0)) { String(decoding: $0, as: UTF8.self) } }
    }

    /// The value of the first field called `name` (lower case), or nil. Bytes that are not UTF-8 are repaired.
    package subscript(_ name: StaticString) -> String? {
        value(of: name.bytes) { String(decoding: $0, as: UTF8.self) }
    }

    /// Runs `body` on the value of the first field called `name` (lower case); nil without such a field.
    /// The bytes are valid until `body` returns.
    package func withValue<R>(_ name: StaticString, _ body: (UnsafeRawBufferPointer) -> R) -> R? {
        value(of: name.bytes, body)
    }

    /// The value of the first field called `name`, or nil.
    package func value(_ name: UnsafeRawBufferPointer) -> String? {
        value(of: name) { String(decoding: $0, as: UTF8.self) }
    }

    /// Runs `body` on each field in order. The bytes are valid until `body` returns.
    @inline(__always)
    package func forEach(_ body: (_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) -> Void) {
        withFields(body) {}
    }

    /// Runs `body` on each field in order and `then` after them; the bytes are valid until that returns.
    @inline(__always)
    func withFields<R>(_ body: (_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) -> Void, then: () -> R) -> R {
        bytes.withUnsafeBytes { all in
            if let base = all.baseAddress { forEach(from: base, body) }
            return then()
        }
    }

    @inline(__always)
    private func forEach(from base: UnsafeRawPointer, _ body: (_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) -> Void) {
        var at = base
        for _ in 0..<count {
            let (nameLength, valueLength) = Self.lengths(at)
            let name = at + Self.prefix
            body(UnsafeRawBufferPointer(start: name, count: nameLength), UnsafeRawBufferPointer(start: name + nameLength, count: valueLength))
            at = name + nameLength + valueLength
        }
    }

    @inline(__always)
    private func value<R>(of name: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> R) -> R? {
        bytes.withUnsafeBytes { all in
            guard var at = all.baseAddress else { return nil }
            for _ in 0..<count {
                let (nameLength, valueLength) = Self.lengths(at)
                let value = at + Self.prefix + nameLength
                if nameLength == name.count, nameLength == 0 || memcmp(at + Self.prefix, name.baseAddress!, nameLength) == 0 {
                    return body(UnsafeRawBufferPointer(start: value, count: valueLength))
                }
                at = value + valueLength
            }
            return nil
        }
    }

    @inline(__always)
    private static func lengths(_ field: UnsafeRawPointer) -> (name: Int, value: Int) {
        (Int(field.loadUnaligned(as: UInt32.self)), Int(field.loadUnaligned(fromByteOffset: 4, as: UInt32.self)))
    }

    // MARK: Appending

    /// A field of another `HeaderFields`, or one that a parser has checked.
    package mutating func append(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) {
        appendLengths(name.count, value.count)
        bytes.append(contentsOf: name)
        bytes.append(contentsOf: value)
    }

    @inline(__always)
    private mutating func appendLengths(_ name: Int, _ value: Int) {
        withUnsafeBytes(of: (UInt32(name), UInt32(value))) { bytes.append(contentsOf: $0) }
        count += 1
    }

    /// The value of the last field is whatever lies behind its name, which begins behind `start`.
    private mutating func setValueLength(_ start: Int, nameLength: Int) {
        let length = UInt32(bytes.count - start - Self.prefix - nameLength)
        bytes.withUnsafeMutableBytes { $0.storeBytes(of: length, toByteOffset: start + 4, as: UInt32.self) }
    }

    /// A name and a value known to be valid.
    package mutating func append(known name: StaticString, _ value: StaticString) { append(name.bytes, value.bytes) }

    /// A name known to be valid.
    package mutating func append(_ name: StaticString, _ value: String) {
        let start = bytes.count
        appendLengths(name.utf8CodeUnitCount, 0)
        bytes.append(contentsOf: name.bytes)
        appendValue(value)
        setValueLength(start, nameLength: name.utf8CodeUnitCount)
    }

    /// Appends with the name in lower case. A field with an impossible name is left out; forbidden bytes of the value
    /// become spaces.
    package mutating func append(_ name: String, _ value: String) {
        let text = name.utf8
        guard !text.isEmpty, text.allSatisfy({ isTokenByte($0 &- 65 < 26 ? $0 | 0x20 : $0) }) else { return }
        let start = bytes.count, nameLength = text.count
        appendLengths(nameLength, 0)
        for byte in text { bytes.append(byte &- 65 < 26 ? byte | 0x20 : byte) }
        appendValue(value)
        setValueLength(start, nameLength: nameLength)
    }

    private mutating func appendValue(_ value: String) {
        if value.utf8.withContiguousStorageIfAvailable({ appendValue($0) }) == nil {
            Array(value.utf8).withUnsafeBufferPointer { appendValue($0) }
        }
    }

    private mutating func appendValue(_ text: UnsafeBufferPointer<UInt8>) {
        let isClean = text.allSatisfy { ($0 >= 0x20 && $0 != 0x7f) || $0 == 9 }
        if isClean, let first = text.first, let last = text.last, first > 0x20, last > 0x20 {
            bytes.append(contentsOf: text)
        } else {
            appendRepaired(text)
        }
    }

    private mutating func appendRepaired(_ text: UnsafeBufferPointer<UInt8>) {
        let start = bytes.count
        for byte in text {
            let safe = (byte < 0x20 && byte != 9) || byte == 0x7f ? 0x20 : byte
            if (safe == 0x20 || safe == 9), bytes.count == start { continue }
            bytes.append(safe)
        }
        while bytes.count > start, bytes[bytes.count - 1] == 0x20 || bytes[bytes.count - 1] == 9 { bytes.removeLast() }
    }

    /// Appends all fields of another, in one piece.
    package mutating func append(_ other: HeaderFields) {
        bytes.append(contentsOf: other.bytes)
        count += other.count
    }

    /// Makes room for `count` more fields of so many bytes together.
    package mutating func reserveCapacity(_ count: Int, bytes length: Int) {
        bytes.reserveCapacity(bytes.count + count * Self.prefix + length)
    }

    /// The sum of the lengths of names and values.
    package var byteCount: Int { bytes.count - count * Self.prefix }

    /// A field that a parser has checked, with the name in lower case.
    mutating func append(lowercasing name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) {
        let start = bytes.count + Self.prefix
        append(name, value)
        bytes.withUnsafeMutableBufferPointer { bytes in
            for index in start..<start + name.count where bytes[index] &- 65 < 26 { bytes[index] |= 0x20 }
        }
    }

    /// Forgets the fields, keeps the memory unless it grew large.
    mutating func clear() {
        bytes.removeAll(keepingCapacity: bytes.capacity <= 4096)
        count = 0
    }
}

extension StaticString {
    /// The characters as bytes; they live as long as the process.
    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: utf8Start, count: utf8CodeUnitCount) }
}
