/// Lists and maps. Numbers are packed, as version 3 has it; a list without elements is not there.
extension ProtoWriter {
    package mutating func strings(_ number: UInt32, _ values: [String]) {
        for value in values.reversed() { string(number, value, always: true) }
    }

    package mutating func byteStrings(_ number: UInt32, _ values: [[UInt8]]) {
        for value in values.reversed() { bytes(number, value, always: true) }
    }

    package mutating func messages(_ number: UInt32, _ values: [some Message]) {
        for value in values.reversed() { message(number, value) }
    }

    package mutating func enumerations(_ number: UInt32, _ values: [some ProtoEnum]) {
        packed(number, values) { $0.varint(UInt64(bitPattern: Int64($1.rawValue))) }
    }

    package mutating func bools(_ number: UInt32, _ values: [Bool]) { packed(number, values) { $0.varint($1 ? 1 : 0) } }

    package mutating func int32s(_ number: UInt32, _ values: [Int32]) {
        packed(number, values) { $0.varint(UInt64(bitPattern: Int64($1))) }
    }

    package mutating func int64s(_ number: UInt32, _ values: [Int64]) {
        packed(number, values) { $0.varint(UInt64(bitPattern: $1)) }
    }

    package mutating func uint32s(_ number: UInt32, _ values: [UInt32]) {
        packed(number, values) { $0.varint(UInt64($1)) }
    }

    package mutating func uint64s(_ number: UInt32, _ values: [UInt64]) { packed(number, values) { $0.varint($1) } }

    package mutating func sint32s(_ number: UInt32, _ values: [Int32]) {
        packed(number, values) { $0.varint(UInt64(ZigZag.encoded($1))) }
    }

    package mutating func sint64s(_ number: UInt32, _ values: [Int64]) {
        packed(number, values) { $0.varint(ZigZag.encoded($1)) }
    }

    package mutating func fixed32s(_ number: UInt32, _ values: [UInt32]) { packed(number, values) { $0.fixed($1) } }
    package mutating func fixed64s(_ number: UInt32, _ values: [UInt64]) { packed(number, values) { $0.fixed($1) } }
    package mutating func sfixed32s(_ number: UInt32, _ values: [Int32]) { packed(number, values) { $0.fixed($1) } }
    package mutating func sfixed64s(_ number: UInt32, _ values: [Int64]) { packed(number, values) { $0.fixed($1) } }

    package mutating func floats(_ number: UInt32, _ values: [Float]) {
        packed(number, values) { $0.fixed($1.bitPattern) }
    }

    package mutating func doubles(_ number: UInt32, _ values: [Double]) {
        packed(number, values) { $0.fixed($1.bitPattern) }
    }

    private mutating func packed<Element>(
        _ number: UInt32, _ values: [Element], _ write: (inout ProtoWriter, Element) -> Void
    ) {
        if values.isEmpty { return }
        nested(number) { output in
            for value in values.reversed() { write(&output, value) }
        }
    }

    /// Pairs of texts, the usual kind of map.
    package mutating func map(_ number: UInt32, _ values: [String: String]) {
        map(number, values) { $0.string(1, $1, always: true) } value: { $0.string(2, $1, always: true) }
    }

    /// A map: a list of messages whose fields 1 and 2 are key and value, both always there.
    package mutating func map<Key: Hashable, Value>(
        _ number: UInt32, _ values: [Key: Value], key writeKey: (inout ProtoWriter, Key) -> Void,
        value writeValue: (inout ProtoWriter, Value) -> Void
    ) {
        for (key, value) in values {
            nested(number) {
                writeValue(&$0, value)
                writeKey(&$0, key)
            }
        }
    }
}
