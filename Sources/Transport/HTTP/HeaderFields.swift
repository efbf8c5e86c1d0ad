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

    /// How many of `bytes` are used: the array is written to in place and never shortened.
    private var used = 0

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
        let length = Self.prefix + name.count + value.count
        makeRoom(length)
        bytes.withUnsafeMutableBytes { all in
            let target = all.baseAddress.unsafelyUnwrapped + used
            target.storeBytes(of: UInt32(name.count), as: UInt32.self)
            target.storeBytes(of: UInt32(value.count), toByteOffset: 4, as: UInt32.self)
            if let from = name.baseAddress { memcpy(target + Self.prefix, from, name.count) }
            if let from = value.baseAddress { memcpy(target + Self.prefix + name.count, from, value.count) }
        }
        used += length
        count += 1
    }

    /// Room for so many bytes more.
    @inline(__always)
    private mutating func makeRoom(_ length: Int) {
        if bytes.count - used < length { grow(length) }
    }

    @inline(never)
    private mutating func grow(_ length: Int) {
        let size = max(used + length, 2 * bytes.count, 256)
        bytes.append(contentsOf: repeatElement(0, count: size - bytes.count))
    }

    /// A name and a value known to be valid.
    package mutating func append(known name: StaticString, _ value: StaticString) { append(name.bytes, value.bytes) }

    /// A name known to be valid; forbidden bytes of the value become spaces.
    package mutating func append(_ name: StaticString, _ value: String) { Self.withValid(value) { append(name.bytes, $0) } }

    /// Appends with the name in lower case. A field with an impossible name is left out; forbidden bytes of the value
    /// become spaces.
    package mutating func append(_ name: String, _ value: String) {
        let text = name.utf8
        guard !text.isEmpty, text.allSatisfy({ isTokenByte($0 &- 65 < 26 ? $0 | 0x20 : $0) }) else { return }
        Self.withBytes(name) { name in Self.withValid(value) { append(lowercasing: name, $0) } }
    }

    /// Runs `body` on the bytes of `text`, which are valid until it returns.
    @inline(__always)
    private static func withBytes(_ text: String, _ body: (UnsafeRawBufferPointer) -> Void) {
        if text.utf8.withContiguousStorageIfAvailable({ body(UnsafeRawBufferPointer($0)) }) == nil {
            Array(text.utf8).withUnsafeBytes(body)
        }
    }

    /// Runs `body` on the bytes of a value, without what a value can't have (RFC 9110 §5.5).
    @inline(__always)
    private static func withValid(_ value: String, _ body: (UnsafeRawBufferPointer) -> Void) {
        withBytes(value) { text in
            let isClean = text.allSatisfy { ($0 >= 0x20 && $0 != 0x7f) || $0 == 9 }
            if isClean, let first = text.first, let last = text.last, first > 0x20, last > 0x20 { return body(text) }
            repaired(text).withUnsafeBytes(body)
        }
    }

    private static func repaired(_ text: UnsafeRawBufferPointer) -> [UInt8] {
        var out: [UInt8] = []
        for byte in text {
            let safe = (byte < 0x20 && byte != 9) || byte == 0x7f ? 0x20 : byte
            if (safe == 0x20 || safe == 9), out.isEmpty { continue }
            out.append(safe)
        }
        while let last = out.last, last == 0x20 || last == 9 { out.removeLast() }
        return out
    }

    /// Appends all fields of another, in one piece.
    package mutating func append(_ other: HeaderFields) {
        makeRoom(other.used)
        bytes.withUnsafeMutableBytes { all in
            other.bytes.withUnsafeBytes { from in
                if let from = from.baseAddress { memcpy(all.baseAddress.unsafelyUnwrapped + used, from, other.used) }
            }
        }
        used += other.used
        count += other.count
    }

    /// Makes room for `count` more fields of so many bytes together.
    package mutating func reserveCapacity(_ count: Int, bytes length: Int) { makeRoom(count * Self.prefix + length) }

    /// The sum of the lengths of names and values.
    package var byteCount: Int { used - count * Self.prefix }

    /// A field that a parser has checked, with the name in lower case.
    mutating func append(lowercasing name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) {
        let start = used + Self.prefix
        append(name, value)
        bytes.withUnsafeMutableBufferPointer { bytes in
            for index in start..<start + name.count where bytes[index] &- 65 < 26 { bytes[index] |= 0x20 }
        }
    }

    /// Forgets the fields, keeps the memory unless it grew large.
    mutating func clear() {
        if bytes.count > 4096 { bytes = [] }
        used = 0
        count = 0
    }
}

extension StaticString {
    /// The characters as bytes; they live as long as the process.
    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: utf8Start, count: utf8CodeUnitCount) }
}
