/// Single values, one function for each type of the language. Returns whether there was a value.
extension ProtoReader {
    @discardableResult package mutating func string(_ value: inout String) throws(ProtoError) -> Bool {
        guard try expects(.bytes) else { return false }
        value = try text()
        return true
    }

    @discardableResult package mutating func bytes(_ value: inout [UInt8]) throws(ProtoError) -> Bool {
        guard try expects(.bytes) else { return false }
        value = Array(try slice())
        return true
    }

    /// Bytes, text or a message where it lies: valid as long as the reader's bytes. `nil` for a value of another type.
    package mutating func borrowed() throws(ProtoError) -> UnsafeRawBufferPointer? {
        guard try expects(.bytes) else { return nil }
        return try slice()
    }

    @discardableResult package mutating func bool(_ value: inout Bool) throws(ProtoError) -> Bool {
        guard try expects(.varint) else { return false }
        value = try varint() != 0
        return true
    }

    @discardableResult package mutating func int32(_ value: inout Int32) throws(ProtoError) -> Bool {
        guard try expects(.varint) else { return false }
        value = Int32(truncatingIfNeeded: try varint())
        return true
    }

    @discardableResult package mutating func int64(_ value: inout Int64) throws(ProtoError) -> Bool {
        guard try expects(.varint) else { return false }
        value = Int64(bitPattern: try varint())
        return true
    }

    @discardableResult package mutating func uint32(_ value: inout UInt32) throws(ProtoError) -> Bool {
        guard try expects(.varint) else { return false }
        value = UInt32(truncatingIfNeeded: try varint())
        return true
    }

    @discardableResult package mutating func uint64(_ value: inout UInt64) throws(ProtoError) -> Bool {
        guard try expects(.varint) else { return false }
        value = try varint()
        return true
    }

    @discardableResult package mutating func sint32(_ value: inout Int32) throws(ProtoError) -> Bool {
        guard try expects(.varint) else { return false }
        value = ZigZag.decoded(UInt32(truncatingIfNeeded: try varint()))
        return true
    }

    @discardableResult package mutating func sint64(_ value: inout Int64) throws(ProtoError) -> Bool {
        guard try expects(.varint) else { return false }
        value = ZigZag.decoded(try varint())
        return true
    }

    @discardableResult package mutating func fixed32(_ value: inout UInt32) throws(ProtoError) -> Bool {
        guard try expects(.fixed32) else { return false }
        value = try fixed(UInt32.self)
        return true
    }

    @discardableResult package mutating func fixed64(_ value: inout UInt64) throws(ProtoError) -> Bool {
        guard try expects(.fixed64) else { return false }
        value = try fixed(UInt64.self)
        return true
    }

    @discardableResult package mutating func sfixed32(_ value: inout Int32) throws(ProtoError) -> Bool {
        guard try expects(.fixed32) else { return false }
        value = try fixed(Int32.self)
        return true
    }

    @discardableResult package mutating func sfixed64(_ value: inout Int64) throws(ProtoError) -> Bool {
        guard try expects(.fixed64) else { return false }
        value = try fixed(Int64.self)
        return true
    }

    @discardableResult package mutating func float(_ value: inout Float) throws(ProtoError) -> Bool {
        guard try expects(.fixed32) else { return false }
        value = Float(bitPattern: try fixed(UInt32.self))
        return true
    }

    @discardableResult package mutating func double(_ value: inout Double) throws(ProtoError) -> Bool {
        guard try expects(.fixed64) else { return false }
        value = Double(bitPattern: try fixed(UInt64.self))
        return true
    }

    @discardableResult package mutating func enumeration(_ value: inout some ProtoEnum) throws(ProtoError) -> Bool {
        guard try expects(.varint) else { return false }
        value = .init(rawValue: Int(Int32(truncatingIfNeeded: try varint())))
        return true
    }

    /// A message that comes twice is merged.
    @discardableResult package mutating func message(_ value: inout some Message) throws(ProtoError) -> Bool {
        guard try expects(.bytes) else { return false }
        try nested { (input) throws(ProtoError) in try value.decode(&input) }
        return true
    }
}

/// The mapping of signed numbers that keeps small ones short.
enum ZigZag {
    static func decoded(_ value: UInt32) -> Int32 { Int32(bitPattern: value >> 1) ^ -Int32(bitPattern: value & 1) }
    static func decoded(_ value: UInt64) -> Int64 { Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1) }
    static func encoded(_ value: Int32) -> UInt32 { UInt32(bitPattern: value << 1 ^ value >> 31) }
    static func encoded(_ value: Int64) -> UInt64 { UInt64(bitPattern: value << 1 ^ value >> 63) }
}
