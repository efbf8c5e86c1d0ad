import COctavo
import Components

extension StateAPI {
    /// What is told when writes have ended: `nil`, or the first that failed.
    package typealias Written = (StateFailure?) -> Void

    /// Saves or deletes items, each on its own: the first error decides the answer, the others are done all
    /// the same. `done` is called once, perhaps before this returns; not when this throws.
    package func write(
        _ store: StateStore, _ writes: [StateWrite], _ operation: StateFailure.Operation, deadline: Int64,
        done: @escaping Written
    ) throws(StateFailure) {
        let lives = try check(store, writes, operation)
        if writes.isEmpty {
            done(nil)
            return
        }
        store.whenReady { [self] in
            let removals = writes[0].isRemoval
            let bulk = removals ? OCTAVO_STATE_OP_BULK_REMOVE : OCTAVO_STATE_OP_BULK_SET
            if writes.count > 1, store.ref.supports(bulk) {
                let waiter = BulkWriteWaiter(store, operation, done)
                submit(store, bulk, writes, lives, deadline, waiter)
            } else {
                let gather = WriteGathering(count: writes.count, done)
                for (write, life) in zip(writes, lives) {
                    submitOne(store, write, life, deadline, WriteWaiter(store, operation, write.key, gather))
                }
            }
        }
    }

    /// Throws for a store that is ready and has no transactions, so that this is said before a request's
    /// other faults, as Dapr does.
    package func requireTransactions(_ store: StateStore) throws(StateFailure) {
        if store.ref.isReady, !store.ref.supports(OCTAVO_STATE_OP_TRANSACT) {
            throw .transactionsNotSupported(store: store.name)
        }
    }

    /// All writes in their order, or none.
    package func transact(
        _ store: StateStore, _ writes: [StateWrite], metadata: [(String, String)], deadline: Int64,
        done: @escaping Written
    ) throws(StateFailure) {
        let lives = try check(store, writes, .transaction)
        if writes.isEmpty {
            done(nil)
            return
        }
        let name = store.name
        store.whenReady { [self] in
            if store.ref.isReady, !store.ref.supports(OCTAVO_STATE_OP_TRANSACT) {
                done(.transactionsNotSupported(store: name))
                return
            }
            let limit = Int(store.ref.maxTransactionOps)
            if limit > 0, writes.count > limit {
                done(.tooManyOperations(store: name, count: writes.count, limit: limit))
                return
            }
            let gather = WriteGathering(count: 1, done)
            submit(
                store, OCTAVO_STATE_OP_TRANSACT, writes, lives, deadline,
                WriteWaiter(store, .transaction, writes[0].key, gather), metadata: metadata)
        }
    }

    private func check(
        _ store: StateStore, _ writes: [StateWrite], _ operation: StateFailure.Operation
    ) throws(StateFailure) -> [Int64] {
        var lives: [Int64] = []
        lives.reserveCapacity(writes.count)
        let bytes = size(of: writes, store)
        if bytes > StateAPI.requestLimit {
            throw .tooLarge(store: store.name, operation: operation, bytes: bytes, limit: StateAPI.requestLimit)
        }
        for write in writes {
            if write.key.isEmpty { throw .emptyKey(store: store.name, operation: operation) }
            var key = write.key
            if let failure = key.withUTF8({ store.check(UnsafeRawBufferPointer($0)) }) { throw failure }
            switch write.timeToLive() {
            case .success(let life): lives.append(life)
            case .failure(let bad):
                throw .badMetadata(
                    store: store.name, operation: operation,
                    cause: "metadata ttlInSeconds of key \(write.key) must be a whole number of seconds, or -1 for "
                        + "ever; it is \"\(bad.text)\"")
            }
        }
        return lives
    }

    private func size(of writes: [StateWrite], _ store: StateStore) -> Int {
        writes.reduce(0) { $0 + $1.size(prefix: store.prefix.count) + MemoryLayout<octavo_state_write>.stride }
    }

    private func submitOne(
        _ store: StateStore, _ write: StateWrite, _ life: Int64, _ deadline: Int64, _ waiter: CallWaiter
    ) {
        let op = write.isRemoval ? OCTAVO_STATE_OP_REMOVE : OCTAVO_STATE_OP_SET
        guard
            var slot = store.ref.open(
                op, octavo_state_write_request.self, bytes: write.size(prefix: store.prefix.count), deadline: deadline,
                waiter: waiter)
        else { return }
        let request = slot.request
        write.fill(&request.pointee.write, &slot, prefix: store.prefix, ttl: life)
        slot.submit()
    }

    private func submit(
        _ store: StateStore, _ op: Int32, _ writes: [StateWrite], _ lives: [Int64], _ deadline: Int64,
        _ waiter: CallWaiter, metadata: [(String, String)] = []
    ) {
        let bytes = size(of: writes, store)
        let extra = metadata.reduce(16) { $0 + $1.0.utf8.count + $1.1.utf8.count + 40 }
        guard
            var slot = store.ref.open(
                op, octavo_state_writes_request.self, bytes: bytes + extra, deadline: deadline, waiter: waiter)
        else { return }
        let request = slot.request
        let (elements, list) = slot.list(of: octavo_state_write.self, count: writes.count)
        request.pointee.writes = list
        for (index, write) in writes.enumerated() {
            write.fill(&elements[index], &slot, prefix: store.prefix, ttl: lives[index])
        }
        if !metadata.isEmpty { request.pointee.head.metadata = slot.pairs(metadata) }
        slot.submit()
    }
}

/// Several writes that one caller waits for.
private final class WriteGathering {
    private var left: Int
    private var first: StateFailure?
    private let done: StateAPI.Written

    init(count: Int, _ done: @escaping StateAPI.Written) {
        left = count
        self.done = done
    }

    func ended(_ failure: StateFailure?) {
        if first == nil { first = failure }
        left -= 1
        if left == 0 { done(first) }
    }
}

/// One write, or a transaction.
private final class WriteWaiter: CallWaiter {
    private let store: StateStore
    private let operation: StateFailure.Operation
    private let key: String
    private let gather: WriteGathering

    init(_ store: StateStore, _ operation: StateFailure.Operation, _ key: String, _ gather: WriteGathering) {
        self.store = store
        self.operation = operation
        self.key = key
        self.gather = gather
    }

    override func completed(_ reply: UnsafeRawPointer?) { gather.ended(nil) }

    override func failed(_ error: CallError) {
        gather.ended(.component(store: store.name, operation: operation, key: key, error: error))
    }
}

/// Writes that the component does in one go; each item has its own outcome.
private final class BulkWriteWaiter: CallWaiter {
    private let store: StateStore
    private let operation: StateFailure.Operation
    private let done: StateAPI.Written

    init(_ store: StateStore, _ operation: StateFailure.Operation, _ done: @escaping StateAPI.Written) {
        self.store = store
        self.operation = operation
        self.done = done
    }

    override func completed(_ reply: UnsafeRawPointer?) {
        guard let reply else {
            done(nil)
            return
        }
        let results = reply.loadUnaligned(as: octavo_state_bulk_write_reply.self).results
        for index in 0..<Int(results.count) {
            let result = results.load(index, as: octavo_state_write_result.self)
            guard result.error.code != OCTAVO_CODE_OK else { continue }
            var error = CallError(
                code: result.error.code, reason: String(result.error.reason), flags: result.error.flags,
                message: String(result.error.message))
            error.component = store.name
            error.type = store.ref.type
            done(.component(store: store.name, operation: operation, key: store.shown(result.key), error: error))
            return
        }
        done(nil)
    }

    override func failed(_ error: CallError) {
        done(.component(store: store.name, operation: operation, key: "", error: error))
    }
}
