#if canImport(Glibc)
    import Glibc
#endif

/// Header fields of one request, names in lower case, in the order of arrival. A value.
///
/// Names and values lie one behind the other in one array, so that a request costs no `String` and, with the
/// arrays reused, no allocation.
package struct HeaderFields: Sendable {
    struct Field {
        var start: UInt32
        var nameLength: UInt32
        var valueLength: UInt32
    }

    private(set) var bytes: [UInt8] = []
    private(set) var fields: [Field] = []

    package init() {}

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

    mutating func append(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) {
        fields.append(
            Field(start: UInt32(bytes.count), nameLength: UInt32(name.count), valueLength: UInt32(value.count)))
        bytes.append(contentsOf: name)
        bytes.append(contentsOf: value)
    }

    /// Appends with the name in lower case.
    mutating func append(lowercasing name: String, _ value: String) {
        fields.append(
            Field(
                start: UInt32(bytes.count), nameLength: UInt32(name.utf8.count), valueLength: UInt32(value.utf8.count)))
        for byte in name.utf8 { bytes.append(byte &- 65 < 26 ? byte | 0x20 : byte) }
        bytes.append(contentsOf: value.utf8)
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
