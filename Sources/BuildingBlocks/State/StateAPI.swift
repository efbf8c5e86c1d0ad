import COctavo
package import Components

/// The state building block on one event loop.
package final class StateAPI {
    package let loop: CallLoop
    let identity: AppIdentity
    private var last: StateStore?

    /// Bytes of one request to a component. A small body may ask for much: metadata of the request counts
    /// again for each item.
    package static let requestLimit = 64 << 20
    /// Single calls at a time where a request of many items is made of them: by itself, and at most.
    static let parallelism = 32
    static let maximalParallelism = 256

    package init(loop: CallLoop, identity: AppIdentity) {
        self.loop = loop
        self.identity = identity
    }

    /// The store of that name.
    package func store(_ name: String) throws(StateFailure) -> StateStore {
        if let last, last.name == name, last.ref === loop.component(named: name), last.ref.attachment === last { return last }
        guard let ref = loop.component(named: name), ref.kind == OCTAVO_KIND_STATE else {
            throw loop.allComponents.contains { $0.kind == OCTAVO_KIND_STATE }
                ? .notFound(store: name) : .notConfigured(store: name)
        }
        let store = (ref.attachment as? StateStore) ?? StateStore(ref, identity: identity)
        ref.attachment = store
        last = store
        return store
    }

    /// Reads one key. `waiter` gets an `octavo_state_get_reply`; it is not called when this throws.
    /// `deadline`: CLOCK_MONOTONIC nanoseconds, 0 for none.
    package func get(
        _ store: StateStore, key: UnsafeRawBufferPointer, consistency: Int32, metadata: [(String, String)],
        deadline: Int64, waiter: CallWaiter
    ) throws(StateFailure) -> CallHandle? {
        if let failure = store.check(key) { throw failure }
        let waiter = store.encryption.map { DecryptingWaiter(waiter, $0, store) } ?? waiter
        let extra = metadata.reduce(0) { $0 + $1.0.utf8.count + $1.1.utf8.count + 34 }
        guard
            var slot = store.ref.open(
                OCTAVO_STATE_OP_GET, octavo_state_get_request.self, bytes: store.prefix.count + key.count + extra + 16,
                deadline: deadline, waiter: waiter)
        else { return nil }
        let request = slot.request
        request.pointee.key = store.prefix.withUnsafeBytes { slot.text($0, key) }
        request.pointee.consistency = consistency
        if !metadata.isEmpty { request.pointee.head.metadata = slot.pairs(metadata) }
        return slot.submit()
    }

    /// The same for a key that is text already.
    package func get(
        _ store: StateStore, key: String, consistency: Int32, metadata: [(String, String)], deadline: Int64,
        waiter: CallWaiter
    ) throws(StateFailure) -> CallHandle? {
        let result = Array(key.utf8).withUnsafeBytes { text -> Result<CallHandle?, StateFailure> in
            do throws(StateFailure) {
                return .success(
                    try get(
                        store, key: text, consistency: consistency, metadata: metadata, deadline: deadline,
                        waiter: waiter))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }
}
