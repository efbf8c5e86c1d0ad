import BuildingBlocks
import JSONText

extension StateBody {
    /// `[{"key", "data", "etag", "metadata", "error"}]`; empty members are left out.
    static func bulk(_ items: [StateItem]) -> [UInt8] {
        var writer = JSONWriter(reserving: items.reduce(16) { $0 + $1.value.count + $1.key.utf8.count + 64 })
        writer.beginArray()
        for item in items { write(item, &writer) }
        writer.endArray()
        return writer.bytes
    }

    /// `{"results": [{"key", "data", "etag", "error"}], "token", "metadata"}`.
    static func page(_ page: StatePage) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.name("results")
        writer.beginArray()
        for item in page.items { write(item, &writer) }
        writer.endArray()
        if !page.token.isEmpty { writer.member("token", page.token) }
        pairs(page.metadata, &writer)
        writer.endObject()
        return writer.bytes
    }

    private static func write(_ item: StateItem, _ writer: inout JSONWriter) {
        writer.beginObject()
        writer.member("key", item.key)
        if !item.value.isEmpty {
            writer.name("data")
            data(item.value, &writer)
        }
        if !item.etag.isEmpty { writer.member("etag", item.etag) }
        pairs(item.metadata, &writer)
        if !item.error.isEmpty { writer.member("error", item.error) }
        writer.endObject()
    }

    private static func pairs(_ pairs: [(String, String)], _ writer: inout JSONWriter) {
        if pairs.isEmpty { return }
        writer.name("metadata")
        writer.beginObject()
        for (name, value) in pairs { writer.member(name, value) }
        writer.endObject()
    }

    /// A value that is JSON goes in as it is; any other as a text of its Base64.
    private static func data(_ value: [UInt8], _ writer: inout JSONWriter) {
        value.withUnsafeBytes { bytes in
            if isJSON(bytes) { writer.raw(bytes) } else { writer.string(base64(bytes)) }
        }
    }

    private static func base64(_ bytes: UnsafeRawBufferPointer) -> String {
        let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        var out: [UInt8] = []
        out.reserveCapacity((bytes.count + 2) / 3 * 4)
        for at in stride(from: 0, to: bytes.count, by: 3) {
            let left = bytes.count - at
            let word = UInt32(bytes[at]) << 16 | (left > 1 ? UInt32(bytes[at + 1]) << 8 : 0)
                | (left > 2 ? UInt32(bytes[at + 2]) : 0)
            out.append(letters[Int(word >> 18)])
            out.append(letters[Int(word >> 12 & 63)])
            out.append(left > 1 ? letters[Int(word >> 6 & 63)] : 0x3d)
            out.append(left > 2 ? letters[Int(word & 63)] : 0x3d)
        }
        return String(decoding: out, as: UTF8.self)
    }
}
