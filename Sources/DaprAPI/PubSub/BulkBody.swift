import BuildingBlocks
import JSONText
import Transport

/// The body of a bulk publication over HTTP: an array of `entryId`, `event`, `contentType`, `metadata`. Source: Dapr's
/// pub/sub API reference.
enum BulkBody {
    struct Malformed: Error {
        let cause: String
    }

    static func read(_ bytes: UnsafeRawBufferPointer) throws(Malformed) -> [BulkEntry] {
        let body: JSONValue
        do throws(JSONError) { body = try JSONValue(parsing: bytes) } catch { throw Malformed(cause: error.description) }
        guard let items = body.array else { throw Malformed(cause: "an array of entries expected") }
        var entries: [BulkEntry] = []
        for (index, item) in items.enumerated() {
            let id = item["entryId"]?.string ?? ""
            guard item.members != nil else { throw Malformed(cause: "entry \(index + 1) is no object") }
            guard let type = item["contentType"]?.string, !type.isEmpty else {
                throw Malformed(cause: "entry \(id.isEmpty ? "\(index + 1)" : id) has no contentType")
            }
            let metadata = (item["metadata"]?.members ?? []).compactMap { member in member.value.string.map { (member.name, $0) } }
            entries.append(
                BulkEntry(id: id, data: try event(item["event"], type, id), contentType: type, metadata: metadata))
        }
        return entries
    }

    private static func event(_ event: JSONValue?, _ type: String, _ id: String) throws(Malformed) -> [UInt8] {
        guard let event else { throw Malformed(cause: "entry \(id) has no event") }
        let name = type.prefix { $0 != ";" }.lowercased()
        if name == "application/octet-stream" {
            guard let text = event.string, let bytes = Base64.decode(text.utf8) else {
                throw Malformed(cause: "the event of entry \(id) must be Base64 text, for its contentType is \(type)")
            }
            return bytes
        }
        if name == "application/json" || name.hasSuffix("+json") {
            var writer = JSONWriter()
            writer.value(event)
            return writer.bytes
        }
        guard let text = event.string else {
            throw Malformed(cause: "the event of entry \(id) must be a string, for its contentType is \(type)")
        }
        return Array(text.utf8)
    }
}
