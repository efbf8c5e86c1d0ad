#if canImport(Glibc)
    import Glibc
#endif

/// Header fields of one message, names in lower case, in the order of arrival. A value.
///
/// Names and values lie one behind the other in one array, so that a request costs no `String` and, with the
/// arrays reused, no allocation. Whatever is in it is valid: a name is a token, and nothing in a value can end a line
/// (RFC 9110 §5.5, §5.6.2). Who appends bytes has checked them; texts are checked here.
package struct HeaderFields: Sendable {
    struct Field {
        var start: UInt32
        var nameLength: UInt32
        var valueLength: UInt32
    }

    private(set) var bytes: [UInt8] = []
    private(set) var fields: [Field] = []

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

    package var isEmpty: Bool { fields.isEmpty }

    /// How many fields there are.
    package var count: Int { fields.count }

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
    package func forEach(_ body: (_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) -> Void) {
        bytes.withUnsafeBytes { all in
            for field in fields {
                let start = Int(field.start), middle = start + Int(field.nameLength)
                body(
                    UnsafeRawBufferPointer(rebasing: all[start..<middle]),
                    UnsafeRawBufferPointer(rebasing: all[middle..<middle + Int(field.valueLength)]))
            }
        }
    }

    private func value<R>(of name: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> R) -> R? {
        bytes.withUnsafeBytes { all in
            for field in fields where Int(field.nameLength) == name.count {
                let start = Int(field.start)
                if name.count == 0 || memcmp(all.baseAddress! + start, name.baseAddress!, name.count) == 0 {
                    let middle = start + name.count
                    return body(UnsafeRawBufferPointer(rebasing: all[middle..<middle + Int(field.valueLength)]))
                }
            }
            return nil
        }
    }

    /// A field of another `HeaderFields`, or one that a parser has checked.
    package mutating func append(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) {
        fields.append(
            Field(start: UInt32(bytes.count), nameLength: UInt32(name.count), valueLength: UInt32(value.count)))
        bytes.append(contentsOf: name)
        bytes.append(contentsOf: value)
    }

    /// A name known to be valid.
    package mutating func append(_ name: StaticString, _ value: String) {
        let start = bytes.count
        bytes.append(contentsOf: name.bytes)
        appendValue(value)
        fields.append(
            Field(
                start: UInt32(start), nameLength: UInt32(name.utf8CodeUnitCount),
                valueLength: UInt32(bytes.count - start - name.utf8CodeUnitCount)))
    }

    /// Appends with the name in lower case. A field with an impossible name is left out; forbidden bytes of the value
    /// become spaces.
    package mutating func append(_ name: String, _ value: String) {
        let start = bytes.count
        for byte in name.utf8 {
            let lower = byte &- 65 < 26 ? byte | 0x20 : byte
            guard isTokenByte(lower) else {
                bytes.removeLast(bytes.count - start)
                return
            }
            bytes.append(lower)
        }
        let nameLength = bytes.count - start
        guard nameLength > 0 else { return }
        appendValue(value)
        fields.append(
            Field(start: UInt32(start), nameLength: UInt32(nameLength), valueLength: UInt32(bytes.count - start - nameLength)))
    }

    private mutating func appendValue(_ value: String) {
        var value = value
        value.withUTF8 { text in
            let isClean = text.allSatisfy { ($0 >= 0x20 && $0 != 0x7f) || $0 == 9 }
            if isClean, let first = text.first, let last = text.last, first > 0x20, last > 0x20 {
                bytes.append(contentsOf: text)
            } else {
                appendRepaired(text)
            }
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
        let shift = UInt32(bytes.count)
        bytes.append(contentsOf: other.bytes)
        for var field in other.fields {
            field.start += shift
            fields.append(field)
        }
    }

    /// Makes room for `count` more fields of so many bytes together.
    package mutating func reserveCapacity(_ count: Int, bytes length: Int) {
        fields.reserveCapacity(fields.count + count)
        bytes.reserveCapacity(bytes.count + length)
    }

    /// The sum of the lengths of names and values.
    package var byteCount: Int { bytes.count }

    /// A field that a parser has checked, with the name in lower case.
    mutating func append(lowercasing name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) {
        let start = bytes.count
        append(name, value)
        bytes.withUnsafeMutableBufferPointer { bytes in
            for index in start..<start + name.count where bytes[index] &- 65 < 26 { bytes[index] |= 0x20 }
        }
    }

    /// Forgets the fields, keeps the memory unless it grew large.
    mutating func clear() {
        let keep = bytes.capacity <= 4096
        bytes.removeAll(keepingCapacity: keep)
        fields.removeAll(keepingCapacity: keep)
    }
}

extension StaticString {
    /// The characters as bytes; they live as long as the process.
    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: utf8Start, count: utf8CodeUnitCount) }
}
