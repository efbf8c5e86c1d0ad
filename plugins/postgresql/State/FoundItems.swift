import PluginKit

/// Rows as items of a bulk reply. Etags are written into memory of their own; values stay in the rows.
enum FoundItems {
    /// `first`: the column of the value, which etag and expiry follow. A row without a value is a key that does not exist.
    static func with(
        _ rows: Rows, count: Int, first: Int, key: (Int) -> Str, _ body: (UnsafeBufferPointer<octavo_state_item>) -> Void
    ) {
        var etags: [UInt8] = []
        etags.reserveCapacity(UUIDText.size * count)
        var expiries = Expiries()
        var items = [octavo_state_item](repeating: octavo_state_item(), count: count)
        for row in 0..<count {
            let etag = rows.text(row, first + 1)
            if rows.text(row, first).isPresent, etag.count == 16 {
                UUIDText.append(etag, to: &etags)
            } else {
                etags.append(contentsOf: [UInt8](repeating: 0, count: UUIDText.size))
            }
        }
        etags.withUnsafeBytes { etags in
            for row in 0..<count {
                items[row].key = key(row)
                let value = rows.text(row, first)
                guard value.isPresent else { continue }
                items[row].flags = OCTAVO_STATE_FOUND
                items[row].value = Bytes(value.raw)
                items[row].etag = Str(etags.baseAddress! + UUIDText.size * row, UUIDText.size)
                if let seconds = rows.seconds(row, first + 2) { expiries.add(row, seconds) }
            }
            expiries.attach(to: &items)
            items.withUnsafeBufferPointer(body)
        }
    }
}
