import PluginKit

/// Reads many keys in one go; answers when the last reply is there.
final class BulkGet: Exchange {
    private let connection: Connection
    private let keys: octavo_list
    private let reply: BulkGetReply
    private var left: Int
    /// Values and etags one after the other, and where each begins.
    private var bytes: [UInt8] = []
    private struct Entry {
        var start = 0
        var value = -1
        var etag = -1
        var error: PluginError?
        var message = 0
    }
    private var entries: [Entry]

    init(_ connection: Connection, _ keys: octavo_list, _ reply: BulkGetReply) {
        self.connection = connection
        self.keys = keys
        self.reply = reply
        left = Int(keys.count)
        entries = [Entry](repeating: Entry(), count: Int(keys.count))
        super.init(isRead: true)
    }

    private func key(_ number: Int) -> Str { keys.at(number, as: octavo_state_key.self).pointee.key }

    func send() {
        for number in 0..<Int(keys.count) {
            connection.expect(Pending(kind: .exchange, call: 0, request: nil, exchange: self, number: number))
            connection.appendGet(key(number))
        }
    }

    override func answered(_ number: Int, _ reply: inout RESPReader) {
        let first = reply.next()
        switch first.kind {
        case .error where first.text.hasPrefix(Str("WRONGTYPE")) && entries[number].start == 0:
            // No hash: once more as a plain text.
            entries[number].start = -1
            connection.expect(Pending(kind: .exchange, call: 0, request: nil, exchange: self, number: number))
            return connection.appendGetText(key(number))
        case .error: entries[number].error = Failure.from(first.text, connection.settings)
        case .array:
            let value = reply.next(), version = reply.next()
            if value.kind == .text { keep(number, value.text, version.kind == .text ? version.text : nil) }
        case .text: keep(number, first.text, nil)
        default: break
        }
        count()
    }

    private func keep(_ number: Int, _ value: Str, _ etag: Str?) {
        entries[number].start = bytes.count
        entries[number].value = value.count
        bytes.append(contentsOf: value.raw)
        guard let etag else { return }
        entries[number].etag = etag.count
        bytes.append(contentsOf: etag.raw)
    }

    override func failed(_ number: Int, _ error: PluginError) {
        entries[number].error = error
        count()
    }

    private func count() {
        left -= 1
        if left > 0 { return }
        for number in entries.indices {
            guard var message = entries[number].error?.message else { continue }
            entries[number].start = bytes.count
            message.withUTF8 { bytes.append(contentsOf: $0) }
            entries[number].message = bytes.count - entries[number].start
        }
        bytes.append(0)
        bytes.withUnsafeBytes { bytes in
            var items = [octavo_state_item](repeating: octavo_state_item(), count: entries.count)
            for number in items.indices {
                let entry = entries[number]
                items[number].key = key(number)
                if let error = entry.error {
                    items[number].error = error.item(message: Str(bytes.baseAddress! + entry.start, entry.message))
                }
                guard entry.value >= 0 else { continue }
                items[number].flags = OCTAVO_STATE_FOUND
                items[number].value = Bytes(bytes.baseAddress! + entry.start, entry.value)
                if entry.etag >= 0 { items[number].etag = Str(bytes.baseAddress! + entry.start + entry.value, entry.etag) }
            }
            items.withUnsafeBufferPointer { reply.items($0) }
        }
    }
}
