/// Collects the results of a bulk write. Etags and keys must stay until `send`.
public final class WriteResults {
    private var results: [octavo_state_write_result] = []
    /// Messages, one after the other, and where each result's begins and how long it is.
    private var texts: [UInt8] = []
    private var places: [(result: Int, start: Int, count: Int)] = []

    public init(capacity: Int) { results.reserveCapacity(capacity) }

    public func add(_ key: Str, etag: Str) {
        results.append(octavo_state_write_result(key: key, etag: etag, error: octavo_item_error()))
    }

    public func add(_ key: Str, error: PluginError) {
        var message = error.message
        let start = texts.count
        message.withUTF8 { texts.append(contentsOf: $0) }
        places.append((results.count, start, texts.count - start))
        results.append(octavo_state_write_result(key: key, etag: .absent, error: error.item(message: .absent)))
    }

    public func send(_ reply: BulkWriteReply) {
        texts.withUnsafeBytes { texts in
            for place in places {
                results[place.result].error.message = Str(
                    UnsafeRawBufferPointer(rebasing: texts[place.start..<place.start + place.count]))
            }
            results.withUnsafeBufferPointer { reply.results($0) }
        }
    }
}

/// `ttlExpireTime` of the items of a bulk reply. Keep it until the reply is sent.
public struct Expiries {
    private var items: [(item: Int, seconds: Int64)] = []
    private let memory = Expiries.Memory()

    private final class Memory {
        var texts: UnsafeMutablePointer<UInt8>?
        var pairs: UnsafeMutablePointer<octavo_pair>?
        deinit {
            texts?.deallocate()
            pairs?.deallocate()
        }
    }

    public init() {}

    /// Item number `item` expires at `seconds` since 1970.
    public mutating func add(_ item: Int, _ seconds: Int64) { items.append((item, seconds)) }

    public func attach(to list: inout [octavo_state_item]) {
        guard !items.isEmpty else { return }
        let texts = UnsafeMutablePointer<UInt8>.allocate(capacity: 20 * items.count)
        let pairs = UnsafeMutablePointer<octavo_pair>.allocate(capacity: items.count)
        memory.texts = texts
        memory.pairs = pairs
        for (place, entry) in items.enumerated() {
            Timestamp.write(seconds: entry.seconds, to: texts + 20 * place)
            pairs[place] = octavo_pair(name: Str("ttlExpireTime"), value: Str(UnsafeRawPointer(texts + 20 * place), 20))
            list[entry.item].metadata = octavo_list(UnsafeBufferPointer(start: pairs + place, count: 1))
        }
    }
}
