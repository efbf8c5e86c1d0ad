import COctavo
import Components

/// One item of a bulk read or a query, copied from the component's reply.
package struct StateItem: Sendable {
    package var key: String
    package var isFound = false
    package var value: [UInt8] = []
    package var etag = ""
    package var contentType = ""
    package var metadata: [(String, String)] = []
    package var error = ""

    package init(key: String) { self.key = key }

    init(_ item: octavo_state_item, key: String) {
        self.key = key
        isFound = item.flags & UInt32(OCTAVO_STATE_FOUND) != 0
        value = Array(item.value.bytes)
        etag = String(item.etag)
        contentType = String(item.content_type)
        metadata = item.metadata.elements(as: octavo_pair.self).map { (String($0.name), String($0.value)) }
        if item.error.code != OCTAVO_CODE_OK { error = String(item.error.message) }
    }
}

extension StateAPI {
    package typealias ItemsRead = (Result<[StateItem], StateFailure>) -> Void

    /// Reads many keys, in their order. A key that can't be read has its error in its item.
    @discardableResult
    package func bulkGet(
        _ store: StateStore, keys: [String], parallelism: Int, metadata: [(String, String)], deadline: Int64,
        done: @escaping ItemsRead
    ) throws(StateFailure) -> StateTask {
        for key in keys {
            var key = key
            if let failure = key.withUTF8({ store.check(UnsafeRawBufferPointer($0)) }) { throw failure }
        }
        let task = StateTask()
        if keys.isEmpty {
            done(.success([]))
            return task
        }
        store.whenReady { [self] in
            if task.isCancelled { return }
            if store.ref.supports(OCTAVO_STATE_OP_BULK_GET) {
                task.add(native(store, keys, parallelism, metadata, deadline, BulkGetWaiter(store, keys, done)))
            } else {
                composed(store, keys, parallelism, metadata, deadline, task, done)
            }
        }
        return task
    }

    private func native(
        _ store: StateStore, _ keys: [String], _ parallelism: Int, _ metadata: [(String, String)], _ deadline: Int64,
        _ waiter: CallWaiter
    ) -> CallHandle? {
        let bytes = keys.reduce(64) { $0 + $1.utf8.count + store.prefix.count + 33 }
        let extra = metadata.reduce(16) { $0 + $1.0.utf8.count + $1.1.utf8.count + 40 }
        guard
            var slot = store.ref.open(
                OCTAVO_STATE_OP_BULK_GET, octavo_state_bulk_get_request.self, bytes: bytes + extra, deadline: deadline,
                waiter: waiter)
        else { return nil }
        let request = slot.request
        let (elements, list) = slot.list(of: octavo_state_key.self, count: keys.count)
        request.pointee.keys = list
        request.pointee.parallelism = UInt32(clamping: parallelism)
        for (index, key) in keys.enumerated() {
            var key = key
            elements[index].key = key.withUTF8 { text in
                store.prefix.withUnsafeBytes { slot.text($0, UnsafeRawBufferPointer(text)) }
            }
        }
        if !metadata.isEmpty { request.pointee.head.metadata = slot.pairs(metadata) }
        return slot.submit()
    }

    /// Single reads, a bounded number at a time.
    private func composed(
        _ store: StateStore, _ keys: [String], _ parallelism: Int, _ metadata: [(String, String)], _ deadline: Int64,
        _ task: StateTask, _ done: @escaping ItemsRead
    ) {
        let limit = parallelism > 0 ? min(parallelism, StateAPI.maximalParallelism) : StateAPI.parallelism
        let series = CallSeries(count: keys.count, parallelism: limit)
        task.add(series)
        let found = ItemsFound(keys, series)
        series.run { [self] index in
            do throws(StateFailure) {
                task.add(
                    try get(
                        store, key: keys[index], consistency: 0, metadata: metadata, deadline: deadline,
                        waiter: SingleReadWaiter(index, found)))
            } catch {
                found.failed(index, "\(error)")
            }
        } done: {
            done(.success(found.items))
        }
    }
}

private final class BulkGetWaiter: CallWaiter {
    private let store: StateStore
    private let keys: [String]
    private let done: StateAPI.ItemsRead

    init(_ store: StateStore, _ keys: [String], _ done: @escaping StateAPI.ItemsRead) {
        self.store = store
        self.keys = keys
        self.done = done
    }

    override func completed(_ reply: UnsafeRawPointer?) {
        let items = reply?.loadUnaligned(as: octavo_state_bulk_get_reply.self).items ?? octavo_list()
        done(
            .success(
                keys.enumerated().map { index, key in
                    index < Int(items.count)
                        ? store.decrypted(StateItem(items.load(index, as: octavo_state_item.self), key: key))
                        : StateItem(key: key)
                }))
    }

    override func failed(_ error: CallError) {
        done(.failure(.component(store: store.name, operation: .bulkGet, key: "", error: error)))
    }
}

/// The items of a bulk read that is made of single ones.
private final class ItemsFound {
    private(set) var items: [StateItem]
    private let series: CallSeries

    init(_ keys: [String], _ series: CallSeries) {
        items = keys.map { StateItem(key: $0) }
        self.series = series
    }

    func completed(_ index: Int, _ reply: UnsafeRawPointer?) {
        if let reply {
            let reply = reply.loadUnaligned(as: octavo_state_get_reply.self)
            items[index].isFound = reply.flags & UInt32(OCTAVO_STATE_FOUND) != 0
            items[index].value = Array(reply.value.bytes)
            items[index].etag = String(reply.etag)
            items[index].contentType = String(reply.content_type)
            items[index].metadata = reply.metadata.elements(as: octavo_pair.self)
                .map { (String($0.name), String($0.value)) }
        }
        series.oneEnded()
    }

    func failed(_ index: Int, _ message: String) {
        items[index].error = message
        series.oneEnded()
    }
}

private final class SingleReadWaiter: CallWaiter {
    private let index: Int
    private let found: ItemsFound

    init(_ index: Int, _ found: ItemsFound) {
        self.index = index
        self.found = found
    }

    override func completed(_ reply: UnsafeRawPointer?) { found.completed(index, reply) }
    override func failed(_ error: CallError) { found.failed(index, error.message) }
}
