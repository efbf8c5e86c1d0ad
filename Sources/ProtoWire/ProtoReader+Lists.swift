/// Lists and maps. Numbers may be packed or not, whatever the field's declaration says.
extension ProtoReader {
    package mutating func strings(_ values: inout [String]) throws(ProtoError) {
        guard try expects(.bytes) else { return }
        values.append(try text())
    }

    package mutating func byteStrings(_ values: inout [[UInt8]]) throws(ProtoError) {
        guard try expects(.bytes) else { return }
        values.append(Array(try slice()))
    }

    package mutating func messages<Element: Message>(_ values: inout [Element]) throws(ProtoError) {
        var value = Element()
        if try message(&value) { values.append(value) }
    }

    package mutating func enumerations<Element: ProtoEnum>(_ values: inout [Element]) throws(ProtoError) {
        try each(.varint) { (input) throws(ProtoError) in
            values.append(Element(rawValue: Int(Int32(truncatingIfNeeded: try input.varint()))))
        }
    }

    package mutating func bools(_ values: inout [Bool]) throws(ProtoError) {
        try each(.varint) { (input) throws(ProtoError) in values.append(try input.varint() != 0) }
    }

    package mutating func int32s(_ values: inout [Int32]) throws(ProtoError) {
        try each(.varint) { (input) throws(ProtoError) in values.append(Int32(truncatingIfNeeded: try input.varint())) }
    }

    package mutating func int64s(_ values: inout [Int64]) throws(ProtoError) {
        try each(.varint) { (input) throws(ProtoError) in values.append(Int64(bitPattern: try input.varint())) }
    }

    package mutating func uint32s(_ values: inout [UInt32]) throws(ProtoError) {
        try each(.varint) { (input) throws(ProtoError) in values.append(UInt32(truncatingIfNeeded: try input.varint())) }
    }

    package mutating func uint64s(_ values: inout [UInt64]) throws(ProtoError) {
        try each(.varint) { (input) throws(ProtoError) in values.append(try input.varint()) }
    }

    package mutating func sint32s(_ values: inout [Int32]) throws(ProtoError) {
        try each(.varint) { (input) throws(ProtoError) in
            values.append(ZigZag.decoded(UInt32(truncatingIfNeeded: try input.varint())))
        }
    }

    package mutating func sint64s(_ values: inout [Int64]) throws(ProtoError) {
        try each(.varint) { (input) throws(ProtoError) in values.append(ZigZag.decoded(try input.varint())) }
    }

    package mutating func fixed32s(_ values: inout [UInt32]) throws(ProtoError) {
        try numbers(&values, .fixed32) { (bits: UInt32) in bits }
    }

    package mutating func fixed64s(_ values: inout [UInt64]) throws(ProtoError) {
        try numbers(&values, .fixed64) { (bits: UInt64) in bits }
    }

    package mutating func sfixed32s(_ values: inout [Int32]) throws(ProtoError) {
        try numbers(&values, .fixed32) { (bits: UInt32) in Int32(bitPattern: bits) }
    }

    package mutating func sfixed64s(_ values: inout [Int64]) throws(ProtoError) {
        try numbers(&values, .fixed64) { (bits: UInt64) in Int64(bitPattern: bits) }
    }

    package mutating func floats(_ values: inout [Float]) throws(ProtoError) {
        try numbers(&values, .fixed32) { (bits: UInt32) in Float(bitPattern: bits) }
    }

    package mutating func doubles(_ values: inout [Double]) throws(ProtoError) {
        try numbers(&values, .fixed64) { (bits: UInt64) in Double(bitPattern: bits) }
    }

    private mutating func numbers<Bits: FixedWidthInteger, Number>(
        _ values: inout [Number], _ wanted: WireType, _ number: (Bits) -> Number
    ) throws(ProtoError) {
        try each(wanted) { (input) throws(ProtoError) in values.append(number(try input.fixed(Bits.self))) }
    }

    /// Pairs of texts, the usual kind of map.
    package mutating func map(_ values: inout [String: String]) throws(ProtoError) {
        try map(&values, key: "", value: "") { (input, key) throws(ProtoError) in
            try input.string(&key)
        } readValue: { (input, value) throws(ProtoError) in
            try input.string(&value)
        }
    }

    /// One pair of a map: a message whose fields 1 and 2 are key and value, each with a default.
    package mutating func map<Key: Hashable, Value>(
        _ values: inout [Key: Value], key: Key, value: Value,
        readKey: (inout ProtoReader, inout Key) throws(ProtoError) -> Void,
        readValue: (inout ProtoReader, inout Value) throws(ProtoError) -> Void
    ) throws(ProtoError) {
        guard try expects(.bytes) else { return }
        var key = key
        var value = value
        try nested { (input) throws(ProtoError) in
            while let part = try input.nextField() {
                switch part {
                case 1: try readKey(&input, &key)
                case 2: try readValue(&input, &value)
                default: try input.skip()
                }
            }
        }
        values[key] = value
    }
}
