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
    package func bulkGet(
        _ store: StateStore, keys: [String], parallelism: Int, metadata: [(String, String)], deadline: Int64,
        done: @escaping ItemsRead
    ) throws(StateFailure) {
        for key in keys {
            var key = key
            if let failure = key.withUTF8({ store.check(UnsafeRawBufferPointer($0)) }) { throw failure }
        }
        if keys.isEmpty {
            done(.success([]))
            return
        }
        store.whenReady { [self] in
            if store.ref.supports(OCTAVO_STATE_OP_BULK_GET) {
                native(store, keys, parallelism, metadata, deadline, BulkGetWaiter(store, keys, done))
            } else {
                composed(store, keys, parallelism, metadata, deadline, done)
            }
        }
    }

    private func native(
        _ store: StateStore, _ keys: [String], _ parallelism: Int, _ metadata: [(String, String)], _ deadline: Int64,
        _ waiter: CallWaiter
    ) {
        let bytes = keys.reduce(64) { $0 + $1.utf8.count + store.prefix.count + 33 }
        let extra = metadata.reduce(16) { $0 + $1.0.utf8.count + $1.1.utf8.count + 40 }
        guard
            var slot = store.ref.open(
                OCTAVO_STATE_OP_BULK_GET, octavo_state_bulk_get_request.self, bytes: bytes + extra, deadline: deadline,
                waiter: waiter)
        else { return }
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
        slot.submit()
    }

    /// Single reads, a bounded number at a time.
    private func composed(
        _ store: StateStore, _ keys: [String], _ parallelism: Int, _ metadata: [(String, String)], _ deadline: Int64,
        _ done: @escaping ItemsRead
    ) {
        let gathering = ReadGathering(keys: keys, done)
        gathering.next = { [self] index in
            let waiter = SingleReadWaiter(index, gathering)
            do throws(StateFailure) {
                _ = try get(
                    store, key: keys[index], consistency: 0, metadata: metadata, deadline: deadline, waiter: waiter)
            } catch {
                gathering.failed(index, "\(error)")
            }
        }
        gathering.start(parallelism: parallelism > 0 ? min(parallelism, 256) : 32)
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
                        ? StateItem(items.load(index, as: octavo_state_item.self), key: key) : StateItem(key: key)
                }))
    }

    override func failed(_ error: CallError) {
        done(.failure(.component(store: store.name, operation: .bulkGet, key: "", error: error)))
    }
}

private final class ReadGathering {
    private var items: [StateItem]
    private var started = 0
    private var ended = 0
    private var parallelism = 0
    private var isAdvancing = false
    private let done: StateAPI.ItemsRead
    var next: ((Int) -> Void)?

    init(keys: [String], _ done: @escaping StateAPI.ItemsRead) {
        items = keys.map { StateItem(key: $0) }
        self.done = done
    }

    func start(parallelism: Int) {
        self.parallelism = parallelism
        advance()
    }

    /// Starts reads until enough are under way. A loop, since a read may end before it returns: with one
    /// call inside the other, a long list of keys would need as deep a stack.
    private func advance() {
        if isAdvancing { return }
        isAdvancing = true
        while started < items.count, started - ended < parallelism {
            started += 1
            next?(started - 1)
        }
        isAdvancing = false
        if ended == items.count {
            next = nil
            done(.success(items))
        }
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
        finished()
    }

    func failed(_ index: Int, _ message: String) {
        items[index].error = message
        finished()
    }

    private func finished() {
        ended += 1
        advance()
    }
}

private final class SingleReadWaiter: CallWaiter {
    private let index: Int
    private let gathering: ReadGathering

    init(_ index: Int, _ gathering: ReadGathering) {
        self.index = index
        self.gathering = gathering
    }

    override func completed(_ reply: UnsafeRawPointer?) { gathering.completed(index, reply) }
    override func failed(_ error: CallError) { gathering.failed(index, error.message) }
}
