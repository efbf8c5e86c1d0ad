/// Reads the fields of a message, one after another, from bytes that stay where they are meanwhile.
/// Source: the encoding guide of protocol buffers.
///
/// Every function that reads a value looks at the wire type first: a value of another type than its field's is passed
/// over like an unknown field, as other implementations do, and the function returns false.
package struct ProtoReader: ~Copyable {
    /// Messages within messages; more are refused, so that no input exhausts the stack.
    package static let depthLimit = 100

    /// How a value is laid out.
    enum WireType: UInt8 {
        case varint = 0
        case fixed64 = 1
        case bytes = 2
        case groupStart = 3
        case groupEnd = 4
        case fixed32 = 5
    }

    // The caller of `init` keeps the bytes in place; `at <= end <= count of the bytes` always holds.
    private let base: UnsafeRawPointer
    private var at = 0
    private var end: Int
    private var depth = 0
    private var field: UInt32 = 0
    private var type = WireType.varint

    /// `bytes` must stay valid until the reader is gone.
    init(_ bytes: UnsafeRawBufferPointer) {
        base = bytes.baseAddress ?? UnsafeRawPointer(bitPattern: 1).unsafelyUnwrapped
        end = bytes.count
    }

    /// Reads a message by hand. `bytes` must stay valid until this returns.
    package static func with<Result>(
        _ bytes: UnsafeRawBufferPointer, _ read: (inout ProtoReader) throws(ProtoError) -> Result
    ) throws(ProtoError) -> Result {
        var input = ProtoReader(bytes)
        return try read(&input)
    }

    /// The number of the next field, whose value has to be read or skipped; `nil` at the end of the message.
    package mutating func nextField() throws(ProtoError) -> UInt32? {
        if at == end { return nil }
        try readTag()
        if type == .groupEnd { throw .badGroup }
        return field
    }

    /// Passes over the value of the field.
    package mutating func skip() throws(ProtoError) {
        switch type {
        case .varint: _ = try varint()
        case .fixed64: try advance(8)
        case .fixed32: try advance(4)
        case .bytes: try advance(try length())
        case .groupStart: try skipGroup()
        case .groupEnd: throw .badGroup
        }
    }

    // MARK: Layouts

    /// A value, or one after another when they are packed: lists of numbers come in both forms.
    mutating func each(
        _ wanted: WireType, _ read: (inout ProtoReader) throws(ProtoError) -> Void
    ) throws(ProtoError) {
        if type == wanted { return try read(&self) }
        guard type == .bytes else { return try skip() }
        let outer = try enter()
        while at < end { try read(&self) }
        end = outer
    }

    /// Whether the field has that type. If not its value is passed over.
    mutating func expects(_ wanted: WireType) throws(ProtoError) -> Bool {
        if type == wanted { return true }
        try skip()
        return false
    }

    /// Reads within the length-delimited value of the field, whose type has been looked at.
    mutating func nested(_ read: (inout ProtoReader) throws(ProtoError) -> Void) throws(ProtoError) {
        guard depth < Self.depthLimit else { throw .tooDeep }
        let outer = try enter()
        depth += 1
        try read(&self)
        depth -= 1
        end = outer
    }

    /// Bytes of the field, whose type has been looked at. Valid as long as the reader's.
    mutating func slice() throws(ProtoError) -> UnsafeRawBufferPointer {
        let count = try length()
        let start = at
        at += count
        return UnsafeRawBufferPointer(start: base + start, count: count)
    }

    mutating func text() throws(ProtoError) -> String {
        let bytes = try slice()
        // Names and keys mostly are. What checks UTF-8 in general takes three times as long for those.
        if Self.isASCII(bytes) { return String(decoding: bytes, as: UTF8.self) }
        guard let text = String(validating: bytes, as: UTF8.self) else { throw .notUTF8(field: field) }
        return text
    }

    private static func isASCII(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var at = 0
        var seen: UInt64 = 0
        while at &+ 8 <= bytes.count {
            seen |= bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self)
            at &+= 8
        }
        while at < bytes.count {
            seen |= UInt64(bytes[at])
            at &+= 1
        }
        return seen & 0x8080_8080_8080_8080 == 0
    }

    mutating func varint() throws(ProtoError) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            guard at < end else { throw .truncated }
            let byte = base.load(fromByteOffset: at, as: UInt8.self)
            at += 1
            // Of the tenth byte only the lowest bit counts, as for other implementations.
            value |= UInt64(byte & 0x7f) &<< shift
            if byte < 0x80 { return value }
            if shift == 63 { throw .badVarint }
            shift += 7
        }
    }

    mutating func fixed<Number: FixedWidthInteger>(_ type: Number.Type) throws(ProtoError) -> Number {
        let start = at
        try advance(MemoryLayout<Number>.size)
        return Number(littleEndian: base.loadUnaligned(fromByteOffset: start, as: Number.self))
    }

    // MARK: Steps

    private mutating func readTag() throws(ProtoError) {
        let tag = try varint()
        guard tag <= UInt64(UInt32.max), tag >= 8, let type = WireType(rawValue: UInt8(tag & 7)) else { throw .badTag }
        field = UInt32(tag >> 3)
        self.type = type
    }

    /// A length that the bytes of the message have room for.
    private mutating func length() throws(ProtoError) -> Int {
        let count = try varint()
        guard count <= UInt64(end - at) else { throw .truncated }
        return Int(count)
    }

    private mutating func advance(_ count: Int) throws(ProtoError) {
        guard count <= end - at else { throw .truncated }
        at += count
    }

    /// Narrows the reader to a length-delimited value; returns the end to go back to.
    private mutating func enter() throws(ProtoError) -> Int {
        let count = try length()
        let outer = end
        end = at + count
        return outer
    }

    /// Version 3 has no groups; one of an older version is passed over with all that is in it.
    private mutating func skipGroup() throws(ProtoError) {
        guard depth < Self.depthLimit else { throw .tooDeep }
        let opened = field
        depth += 1
        while true {
            if at == end { throw .truncated }
            try readTag()
            if type == .groupEnd { break }
            try skip()
        }
        depth -= 1
        if field != opened { throw .badGroup }
    }
}
