import COctavo
import Components

extension StateAPI {
    /// What is told when writes have ended: `nil`, or the first that failed.
    package typealias Written = (StateFailure?) -> Void

    /// Saves or deletes items, each on its own: the first error decides the answer, the others are done all
    /// the same. `done` is called once, perhaps before this returns; not when this throws.
    @discardableResult
    package func write(
        _ store: StateStore, _ writes: [StateWrite], _ operation: StateFailure.Operation, deadline: Int64,
        done: @escaping Written
    ) throws(StateFailure) -> StateTask {
        let lives = try check(store, writes, operation)
        let task = StateTask()
        guard let first = writes.first else {
            done(nil)
            return task
        }
        store.whenReady { [self] in
            if task.isCancelled { return }
            if let failure = store.lacks(writes, lives, operation) { return done(failure) }
            guard let writes = store.encrypted(writes, operation, done) else { return }
            let bulk = first.isRemoval ? OCTAVO_STATE_OP_BULK_REMOVE : OCTAVO_STATE_OP_BULK_SET
            if writes.count == 1 {
                let waiter = WriteWaiter(store, operation, first.key, done)
                task.add(submitOne(store, writes[0], lives[0], deadline, waiter))
            } else if store.ref.supports(bulk) {
                task.add(submit(store, bulk, writes, lives, deadline, BulkWriteWaiter(store, operation, done)))
            } else {
                composed(store, writes, lives, operation, deadline, task, done)
            }
        }
        return task
    }

    /// Single writes, a bounded number at a time.
    private func composed(
        _ store: StateStore, _ writes: [StateWrite], _ lives: [Int64], _ operation: StateFailure.Operation,
        _ deadline: Int64, _ task: StateTask, _ done: @escaping Written
    ) {
        let series = CallSeries(count: writes.count, parallelism: StateAPI.parallelism)
        task.add(series)
        var first: StateFailure?
        series.run { [self] index in
            let waiter = WriteWaiter(store, operation, writes[index].key) { failure in
                if first == nil { first = failure }
                series.oneEnded()
            }
            task.add(submitOne(store, writes[index], lives[index], deadline, waiter))
        } done: {
            done(first)
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
    @discardableResult
    package func transact(
        _ store: StateStore, _ writes: [StateWrite], metadata: [(String, String)], deadline: Int64,
        done: @escaping Written
    ) throws(StateFailure) -> StateTask {
        let lives = try check(store, writes, .transaction)
        let task = StateTask()
        if writes.isEmpty {
            done(nil)
            return task
        }
        let name = store.name
        store.whenReady { [self] in
            if task.isCancelled { return }
            if store.ref.isReady, !store.ref.supports(OCTAVO_STATE_OP_TRANSACT) {
                done(.transactionsNotSupported(store: name))
                return
            }
            if let failure = store.lacks(writes, lives, .transaction) { return done(failure) }
            let limit = Int(store.ref.maxTransactionOps)
            if limit > 0, writes.count > limit {
                done(.tooManyOperations(store: name, count: writes.count, limit: limit))
                return
            }
            guard let writes = store.encrypted(writes, .transaction, done) else { return }
            let waiter = WriteWaiter(store, .transaction, writes[0].key, done)
            task.add(submit(store, OCTAVO_STATE_OP_TRANSACT, writes, lives, deadline, waiter, metadata: metadata))
        }
        return task
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
    ) -> CallHandle? {
        let op = write.isRemoval ? OCTAVO_STATE_OP_REMOVE : OCTAVO_STATE_OP_SET
        guard
            var slot = store.ref.open(
                op, octavo_state_write_request.self, bytes: write.size(prefix: store.prefix.count), deadline: deadline,
                waiter: waiter)
        else { return nil }
        let request = slot.request
        write.fill(&request.pointee.write, &slot, prefix: store.prefix, ttl: life)
        return slot.submit()
    }

    private func submit(
        _ store: StateStore, _ op: Int32, _ writes: [StateWrite], _ lives: [Int64], _ deadline: Int64,
        _ waiter: CallWaiter, metadata: [(String, String)] = []
    ) -> CallHandle? {
        let bytes = size(of: writes, store)
        let extra = metadata.reduce(16) { $0 + $1.0.utf8.count + $1.1.utf8.count + 40 }
        guard
            var slot = store.ref.open(
                op, octavo_state_writes_request.self, bytes: bytes + extra, deadline: deadline, waiter: waiter)
        else { return nil }
        let request = slot.request
        let (elements, list) = slot.list(of: octavo_state_write.self, count: writes.count)
        request.pointee.writes = list
        for (index, write) in writes.enumerated() {
            write.fill(&elements[index], &slot, prefix: store.prefix, ttl: lives[index])
        }
        if !metadata.isEmpty { request.pointee.head.metadata = slot.pairs(metadata) }
        return slot.submit()
    }
}

/// One write, or a transaction.
private final class WriteWaiter: CallWaiter {
    private let store: StateStore
    private let operation: StateFailure.Operation
    private let key: String
    private let done: StateAPI.Written

    init(
        _ store: StateStore, _ operation: StateFailure.Operation, _ key: String, _ done: @escaping StateAPI.Written
    ) {
        self.store = store
        self.operation = operation
        self.key = key
        self.done = done
    }

    override func completed(_ reply: UnsafeRawPointer?) { done(nil) }

    override func failed(_ error: CallError) {
        done(.component(store: store.name, operation: operation, key: key, error: error))
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
