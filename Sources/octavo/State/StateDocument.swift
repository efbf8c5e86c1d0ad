import AdminAPI

/// `octavo state get --json`
struct StateDocument: Codable, Equatable {
    var store: String
    var key: String
    /// The value, if it is UTF-8.
    var value: String?
    /// The value, if it is not.
    var valueBase64: String?
    var etag: String?

    init(store: String, key: String, item: StateItem) {
        self.store = store
        self.key = key
        value = String(validating: item.value, as: UTF8.self)
        valueBase64 = value == nil ? Base64.encoded(item.value) : nil
        etag = item.etag
    }
}

/// `octavo state set --json` and `octavo state delete --json`
struct StateDone: Codable, Equatable {
    var store: String
    var key: String
    /// Bytes written; absent after a delete.
    var bytes: Int?
}

/// Base 64 with padding (RFC 4648 §4).
enum Base64 {
    static func encoded(_ bytes: [UInt8]) -> String {
        let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        var text: [UInt8] = []
        text.reserveCapacity((bytes.count + 2) / 3 * 4)
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            var bits = group.reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            bits <<= 8 * UInt32(3 - group.count)
            for index in 0..<4 {
                let digit = digits[Int(bits >> (18 - 6 * UInt32(index)) & 63)]
                text.append(index <= group.count ? digit : UInt8(ascii: "="))
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}
