import PluginKit

/// Collects items of a bulk read or a query: rows are gone when the statement moves on, so everything
/// is copied into one buffer, and items are pointed at it in the end.
final class ItemList {
    private struct Place {
        var start: Int
        var count: Int
        static let none = Place(start: 0, count: -1)
    }

    private struct Entry {
        var key: Place
        var value: Place
        var etag: Place
        var expiration: Place
        var isFound: Bool
    }

    private var bytes: [UInt8] = []
    private var entries: [Entry] = []

    init(capacity: Int) { entries.reserveCapacity(capacity) }

    var count: Int { entries.count }

    func addMissing(_ key: Str) {
        entries.append(Entry(key: keep(key.raw), value: .none, etag: .none, expiration: .none, isFound: false))
    }

    func add(_ key: Str, _ value: Bytes, _ etag: Str, _ expiration: Str) {
        var time = Place.none
        if expiration.isPresent {
            withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { text in
                if Moment.seconds(expiration, to: text.baseAddress!) { time = keep(UnsafeRawBufferPointer(text)) }
            }
        }
        entries.append(Entry(key: keep(key.raw), value: keep(value.raw), etag: keep(etag.raw), expiration: time, isFound: true))
    }

    private func keep(_ text: UnsafeRawBufferPointer) -> Place {
        let place = Place(start: bytes.count, count: text.count)
        bytes.append(contentsOf: text)
        return place
    }

    /// Gives the items to `body`; valid during the call.
    func withItems(_ body: (UnsafeBufferPointer<octavo_state_item>) -> Void) {
        // One byte more: empty texts need an address, too.
        bytes.append(0)
        bytes.withUnsafeBytes { bytes in
            func text(_ place: Place) -> Str {
                place.count < 0 ? .absent : Str(bytes.baseAddress! + place.start, place.count)
            }
            var pairs: [octavo_pair] = []
            pairs.reserveCapacity(entries.count)
            for entry in entries { pairs.append(octavo_pair(name: Str("ttlExpireTime"), value: text(entry.expiration))) }
            pairs.withUnsafeBufferPointer { pairs in
                var items: [octavo_state_item] = []
                items.reserveCapacity(entries.count)
                for (index, entry) in entries.enumerated() {
                    var item = octavo_state_item()
                    item.key = text(entry.key)
                    item.value = Bytes(text(entry.value).raw)
                    item.etag = text(entry.etag)
                    item.flags = entry.isFound ? OCTAVO_STATE_FOUND : 0
                    if entry.expiration.count > 0 {
                        item.metadata = octavo_list(UnsafeBufferPointer(rebasing: pairs[index...index]))
                    }
                    items.append(item)
                }
                items.withUnsafeBufferPointer(body)
            }
        }
    }
}

/// Collects texts in one buffer.
final class TextList {
    private var bytes: [UInt8] = []
    private var places: [(start: Int, count: Int)] = []

    var count: Int { places.count }

    func add(_ text: Str) {
        places.append((bytes.count, text.count))
        bytes.append(contentsOf: text.raw)
    }

    /// Gives the texts to `body`; valid during the call.
    func withTexts(_ body: (UnsafeBufferPointer<octavo_str>) -> Void) {
        bytes.append(0)
        bytes.withUnsafeBytes { bytes in
            var texts: [octavo_str] = []
            texts.reserveCapacity(places.count)
            for place in places { texts.append(Str(bytes.baseAddress! + place.start, place.count)) }
            texts.withUnsafeBufferPointer(body)
        }
    }
}
