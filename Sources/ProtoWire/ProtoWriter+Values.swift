/// Single values, one function for each type of the language.
extension ProtoWriter {
    package mutating func string(_ number: UInt32, _ value: String, always: Bool = false) {
        if value.isEmpty, !always { return }
        var value = value
        value.withUTF8 { text in nested(number) { $0.raw(UnsafeRawBufferPointer(text)) } }
    }

    package mutating func bytes(_ number: UInt32, _ value: [UInt8], always: Bool = false) {
        if value.isEmpty, !always { return }
        value.withUnsafeBytes { bytes in nested(number) { $0.raw(bytes) } }
    }

    /// Text, too, that is known to be UTF-8.
    package mutating func bytes(_ number: UInt32, _ value: UnsafeRawBufferPointer, always: Bool = false) {
        if value.isEmpty, !always { return }
        nested(number) { $0.raw(value) }
    }

    package mutating func bool(_ number: UInt32, _ value: Bool, always: Bool = false) {
        uint64(number, value ? 1 : 0, always: always)
    }

    package mutating func int32(_ number: UInt32, _ value: Int32, always: Bool = false) {
        // A negative number is as long as one of 64 bits.
        int64(number, Int64(value), always: always)
    }

    package mutating func int64(_ number: UInt32, _ value: Int64, always: Bool = false) {
        uint64(number, UInt64(bitPattern: value), always: always)
    }

    package mutating func uint32(_ number: UInt32, _ value: UInt32, always: Bool = false) {
        uint64(number, UInt64(value), always: always)
    }

    package mutating func uint64(_ number: UInt32, _ value: UInt64, always: Bool = false) {
        if value == 0, !always { return }
        varint(value)
        tag(number, .varint)
    }

    package mutating func sint32(_ number: UInt32, _ value: Int32, always: Bool = false) {
        uint64(number, UInt64(ZigZag.encoded(value)), always: always)
    }

    package mutating func sint64(_ number: UInt32, _ value: Int64, always: Bool = false) {
        uint64(number, ZigZag.encoded(value), always: always)
    }

    package mutating func fixed32(_ number: UInt32, _ value: UInt32, always: Bool = false) {
        if value == 0, !always { return }
        fixed(value)
        tag(number, .fixed32)
    }

    package mutating func fixed64(_ number: UInt32, _ value: UInt64, always: Bool = false) {
        if value == 0, !always { return }
        fixed(value)
        tag(number, .fixed64)
    }

    package mutating func sfixed32(_ number: UInt32, _ value: Int32, always: Bool = false) {
        fixed32(number, UInt32(bitPattern: value), always: always)
    }

    package mutating func sfixed64(_ number: UInt32, _ value: Int64, always: Bool = false) {
        fixed64(number, UInt64(bitPattern: value), always: always)
    }

    package mutating func float(_ number: UInt32, _ value: Float, always: Bool = false) {
        // By its bits: minus zero is not the default.
        fixed32(number, value.bitPattern, always: always)
    }

    package mutating func double(_ number: UInt32, _ value: Double, always: Bool = false) {
        fixed64(number, value.bitPattern, always: always)
    }

    package mutating func enumeration(_ number: UInt32, _ value: some ProtoEnum, always: Bool = false) {
        int64(number, Int64(value.rawValue), always: always)
    }

    /// A message is written whenever there is one, even if all its fields are at their defaults.
    package mutating func message(_ number: UInt32, _ value: some Message) {
        nested(number) { value.encode(&$0) }
    }
}
