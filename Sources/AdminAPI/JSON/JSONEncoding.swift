import JSONText

/// Turns `Encodable` values into a JSON tree whose members keep the order in which they were encoded, so that the
/// documents read in the order of the declarations.
final class JSONEncoding: Encoder {
    let codingPath: [any CodingKey]
    var userInfo: [CodingUserInfoKey: Any] { [:] }
    fileprivate(set) var slot = Slot()

    init(codingPath: [any CodingKey] = []) {
        self.codingPath = codingPath
    }

    /// `value` as a tree.
    static func tree(_ value: some Encodable) throws -> JSONValue {
        let encoder = JSONEncoding()
        try value.encode(to: encoder)
        return encoder.slot.tree
    }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        slot.becomeObject()
        return KeyedEncodingContainer(Keyed<Key>(slot: slot, codingPath: codingPath))
    }
    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        slot.becomeArray()
        return Unkeyed(slot: slot, codingPath: codingPath)
    }
    func singleValueContainer() -> any SingleValueEncodingContainer {
        Single(slot: slot, codingPath: codingPath)
    }

    /// A place in the tree that is being built. A class, since containers outlive the call that made them.
    final class Slot {
        private enum Content {
            case leaf(JSONValue)
            case array([Slot])
            case object([(name: String, value: Slot)])
        }
        private var content = Content.leaf(.null)

        var tree: JSONValue {
            switch content {
            case .leaf(let leaf): leaf
            case .array(let items): .array(items.map(\.tree))
            case .object(let members): .object(members.map { ($0.name, $0.value.tree) })
            }
        }
        var count: Int {
            if case .array(let items) = content { items.count } else { 0 }
        }
        func become(_ leaf: JSONValue) { content = .leaf(leaf) }
        func becomeObject() { if case .object = content {} else { content = .object([]) } }
        func becomeArray() { if case .array = content {} else { content = .array([]) } }
        func appending() -> Slot {
            guard case .array(let items) = content else { preconditionFailure("this place is no array") }
            let slot = Slot()
            content = .array(items + [slot])
            return slot
        }
        func member(_ name: String) -> Slot {
            guard case .object(let members) = content else { preconditionFailure("this place is no object") }
            let slot = Slot()
            content = .object(members + [(name, slot)])
            return slot
        }
        func encode(_ value: some Encodable, codingPath: [any CodingKey]) throws {
            let encoder = JSONEncoding(codingPath: codingPath)
            encoder.slot = self
            try value.encode(to: encoder)
        }
    }

    private struct Keyed<Key: CodingKey>: KeyedEncodingContainerProtocol {
        let slot: Slot
        let codingPath: [any CodingKey]

        func encodeNil(forKey key: Key) { slot.member(key.stringValue).become(.null) }
        func encode(_ value: Bool, forKey key: Key) { slot.member(key.stringValue).become(.bool(value)) }
        func encode(_ value: String, forKey key: Key) { slot.member(key.stringValue).become(.string(value)) }
        func encode(_ value: Double, forKey key: Key) { slot.member(key.stringValue).become(.real(value)) }
        func encode(_ value: Int, forKey key: Key) { slot.member(key.stringValue).become(.number(String(value))) }
        func encode(_ value: Int64, forKey key: Key) { slot.member(key.stringValue).become(.number(String(value))) }
        func encode(_ value: some Encodable, forKey key: Key) throws {
            try slot.member(key.stringValue).encode(value, codingPath: codingPath + [key])
        }
        func nestedContainer<Nested: CodingKey>(
            keyedBy type: Nested.Type, forKey key: Key
        ) -> KeyedEncodingContainer<Nested> {
            nested(key).container(keyedBy: type)
        }
        func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer { nested(key).unkeyedContainer() }
        func superEncoder() -> any Encoder { JSONEncoding(codingPath: codingPath) }
        func superEncoder(forKey key: Key) -> any Encoder { nested(key) }

        private func nested(_ key: Key) -> JSONEncoding {
            let encoder = JSONEncoding(codingPath: codingPath + [key])
            encoder.slot = slot.member(key.stringValue)
            return encoder
        }
    }

    private struct Unkeyed: UnkeyedEncodingContainer {
        let slot: Slot
        let codingPath: [any CodingKey]
        var count: Int { slot.count }

        func encodeNil() { slot.appending().become(.null) }
        func encode(_ value: some Encodable) throws { try slot.appending().encode(value, codingPath: codingPath) }
        func nestedContainer<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
            nested().container(keyedBy: type)
        }
        func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer { nested().unkeyedContainer() }
        func superEncoder() -> any Encoder { nested() }

        private func nested() -> JSONEncoding {
            let encoder = JSONEncoding(codingPath: codingPath)
            encoder.slot = slot.appending()
            return encoder
        }
    }

    private struct Single: SingleValueEncodingContainer {
        let slot: Slot
        let codingPath: [any CodingKey]

        func encodeNil() { slot.become(.null) }
        func encode(_ value: Bool) { slot.become(.bool(value)) }
        func encode(_ value: String) { slot.become(.string(value)) }
        func encode(_ value: Double) { slot.become(.real(value)) }
        func encode(_ value: Float) { slot.become(.real(Double(value))) }
        func encode(_ value: Int) { slot.become(.number(String(value))) }
        func encode(_ value: Int8) { slot.become(.number(String(value))) }
        func encode(_ value: Int16) { slot.become(.number(String(value))) }
        func encode(_ value: Int32) { slot.become(.number(String(value))) }
        func encode(_ value: Int64) { slot.become(.number(String(value))) }
        func encode(_ value: UInt) { slot.become(.number(String(value))) }
        func encode(_ value: UInt8) { slot.become(.number(String(value))) }
        func encode(_ value: UInt16) { slot.become(.number(String(value))) }
        func encode(_ value: UInt32) { slot.become(.number(String(value))) }
        func encode(_ value: UInt64) { slot.become(.number(String(value))) }
        func encode(_ value: some Encodable) throws { try slot.encode(value, codingPath: codingPath) }
    }
}

extension JSONValue {
    /// A number, without a point when it is whole; null for what JSON can't write.
    fileprivate static func real(_ value: Double) -> JSONValue {
        value.isFinite ? .number(Int64(exactly: value).map(String.init) ?? "\(value)") : .null
    }
}
