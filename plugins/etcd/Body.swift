import PluginKit

/// The JSON of a request: members are appended as they are, bytes in base64.
struct Body {
    var bytes: [UInt8] = []

    init(_ text: StaticString) { add(text) }

    mutating func add(_ text: StaticString) { bytes.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)) }

    /// A number in quotes, as the gateway has 64 bits.
    mutating func add(_ number: Int64) {
        bytes.append(0x22)
        Decimal.append(number, to: &bytes)
        bytes.append(0x22)
    }

    /// Bytes in quotes.
    mutating func add(_ data: [UInt8]) {
        let size = Base64.encodedSize(data.count)
        var text = [UInt8](repeating: 0x22, count: size + 2)
        text.withUnsafeMutableBufferPointer { text in data.withUnsafeBytes { Base64.encode($0, to: text.baseAddress! + 1) } }
        bytes.append(contentsOf: text)
    }

    /// A text in quotes.
    mutating func add(text: [UInt8]) {
        bytes.append(0x22)
        for byte in text {
            if byte == 0x22 || byte == 0x5C { bytes.append(0x5C) }
            if byte >= 0x20 { bytes.append(byte) }
        }
        bytes.append(0x22)
    }

    mutating func comma() { if let last = bytes.last, last != 0x5B, last != 0x7B { bytes.append(0x2C) } }

    // MARK: Parts of a transaction

    mutating func compare(_ key: [UInt8], mod revision: Int64) {
        comma()
        add(#"{"target":"MOD","result":"EQUAL","key":"#)
        add(key)
        add(#","mod_revision":"#)
        add(revision)
        add("}")
    }

    mutating func compare(_ key: [UInt8], value: [UInt8]) {
        comma()
        add(#"{"target":"VALUE","result":"EQUAL","key":"#)
        add(key)
        add(#","value":"#)
        add(value)
        add("}")
    }

    mutating func put(_ key: [UInt8], _ value: [UInt8], lease: Int64) {
        comma()
        add(#"{"request_put":{"prev_kv":true,"key":"#)
        add(key)
        add(#","value":"#)
        add(value)
        add(#","lease":"#)
        add(lease)
        add("}}")
    }

    mutating func remove(_ key: [UInt8]) {
        comma()
        add(#"{"request_delete_range":{"prev_kv":true,"key":"#)
        add(key)
        add("}}")
    }

    /// `revision`: as it was then; 0 = now.
    mutating func range(_ key: [UInt8], at revision: Int64 = 0) {
        comma()
        add(#"{"request_range":{"key":"#)
        add(key)
        if revision > 0 {
            add(#","revision":"#)
            add(revision)
        }
        add("}}")
    }

    /// All keys that begin so; `first`: those from there on.
    mutating func prefix(_ prefix: [UInt8], from first: [UInt8]? = nil) {
        add(#""key":"#)
        add(first ?? prefix)
        add(#","range_end":"#)
        var end = prefix
        while let last = end.last {
            end.removeLast()
            if last < 0xFF {
                end.append(last + 1)
                break
            }
        }
        add(end.isEmpty ? [0] : end)
    }
}
