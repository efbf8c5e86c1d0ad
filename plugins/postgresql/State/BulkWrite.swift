import PluginKit

/// Many writes, each on its own: first in one transaction, in which a write that finds another etag is no error. If
/// the server refuses one of them, that has undone all, and each goes on its own.
final class BulkWrite {
    private let store: PostgreSQLStore
    private let writes: octavo_list
    private let reply: BulkWriteReply
    private var items: [(write: StateWrite?, etag: [UInt8], error: PluginError?)] = []
    private var left = 0

    init(_ store: PostgreSQLStore, _ writes: octavo_list, removes: Bool, _ reply: BulkWriteReply) {
        self.store = store
        self.writes = writes
        self.reply = reply
        for index in 0..<Int(writes.count) {
            let write = writes.at(index, as: octavo_state_write.self)
            do throws(PluginError) {
                items.append((try StateWrite(write, removes: removes || write.pointee.operation == OCTAVO_STATE_REMOVE), [], nil))
            } catch {
                items.append((nil, [], error))
            }
        }
    }

    func send() throws(PluginError) {
        let good = items.indices.filter { items[$0].write != nil }
        if good.isEmpty { return finish() }
        try send(good) { [self] refusal in
            if refusal.error.flags & OCTAVO_ERROR_OUTAGE != 0 {
                for index in good { items[index].error = refusal.error }
                return finish()
            }
            sendEach(good)
        }
    }

    private func sendEach(_ indexes: [Int]) {
        left = indexes.count
        for index in indexes {
            do throws(PluginError) {
                try send([index]) { [self] refusal in
                    items[index].error = refusal.error
                    count()
                }
            } catch {
                items[index].error = error
                count()
            }
        }
    }

    private func send(_ indexes: [Int], _ refused: @escaping (Refusal) -> Void) throws(PluginError) {
        let isOne = left > 0
        let exchange = Exchange(isRead: false, weight: indexes.count) { [self] outcome in
            switch outcome {
            case .failed(let refusal): refused(refusal)
            case .done(let rows):
                for (place, index) in indexes.enumerated() {
                    do throws(PluginError) { items[index].etag = try items[index].write!.etag(rows[place]) } catch {
                        items[index].error = error
                    }
                }
                if isOne { count() } else { finish() }
            }
        }
        for index in indexes { items[index].write!.add(to: exchange, store.statements, isStrict: false) }
        try store.client.pick().send(exchange)
    }

    private func count() {
        left -= 1
        if left == 0 { finish() }
    }

    private func finish() {
        let results = WriteResults(capacity: items.count)
        for (index, item) in items.enumerated() {
            let key = writes.at(index, as: octavo_state_write.self).pointee.key
            if let error = item.error {
                results.add(key, error: error)
            } else {
                // The array's memory stays where it is while `items` holds it.
                results.add(key, etag: item.etag.isEmpty ? .absent : item.etag.withUnsafeBytes { Str($0) })
            }
        }
        results.send(reply)
    }
}
