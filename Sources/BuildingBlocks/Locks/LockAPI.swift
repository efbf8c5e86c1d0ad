import COctavo
package import Components

/// What became of a lock.
package struct LockAnswer: Sendable, Equatable {
    package enum Outcome: Sendable {
        /// Locked, unlocked, extended.
        case done
        /// Somebody has it.
        case held
        /// Nobody has it.
        case notFound
        case otherOwner
    }

    package var outcome: Outcome
    /// Grows with every owner of the resource; 0 when the store knows none.
    package var fencing: UInt64
}

/// The lock building block on one event loop.
package final class LockAPI {
    package let loop: CallLoop
    private let identity: AppIdentity

    package typealias Done = (Result<LockAnswer, LockFailure>) -> Void

    package init(loop: CallLoop, identity: AppIdentity) {
        self.loop = loop
        self.identity = identity
    }

    /// Throws for a lock that lasts no time; asked before everything else, as in Dapr.
    package func requireExpiry(_ seconds: Int32, store: String) throws(LockFailure) {
        if seconds <= 0 { throw .expiryNotPositive(store: store) }
    }

    /// Locks, unless somebody has the lock: then the answer is `held`, at once. `done` is called once; not when this
    /// throws.
    package func tryLock(
        store: String, resource: String, owner: String, expirySeconds: Int32, deadline: Int64, done: @escaping Done
    ) throws(LockFailure) {
        try requireExpiry(expirySeconds, store: store)
        try run(.lock, store, resource, owner, expirySeconds, deadline, done)
    }

    package func unlock(
        store: String, resource: String, owner: String, deadline: Int64, done: @escaping Done
    ) throws(LockFailure) {
        try run(.unlock, store, resource, owner, 0, deadline, done)
    }

    /// Sets the expiry of a lock that the owner has, counted from now.
    package func extend(
        store: String, resource: String, owner: String, expirySeconds: Int32, deadline: Int64, done: @escaping Done
    ) throws(LockFailure) {
        try requireExpiry(expirySeconds, store: store)
        try run(.extend, store, resource, owner, expirySeconds, deadline, done)
    }

    private func run(
        _ operation: LockFailure.Operation, _ store: String, _ resource: String, _ owner: String, _ expirySeconds: Int32,
        _ deadline: Int64, _ done: @escaping Done
    ) throws(LockFailure) {
        // Dapr's order: any store, the request, the store.
        let found = loop.component(named: store).flatMap { $0.kind == OCTAVO_KIND_LOCK ? $0 : nil }
        if found == nil, !loop.allComponents.contains(where: { $0.kind == OCTAVO_KIND_LOCK }) { throw .notConfigured }
        if resource.isEmpty { throw .emptyResource(store: store) }
        if owner.isEmpty { throw .emptyOwner(store: store) }
        guard let ref = found else { throw .notFound(store: store) }
        var resource = resource
        if resource.withUTF8({ KeyPrefix.isIllegal(UnsafeRawBufferPointer($0)) }) {
            throw .illegalResource(store: store, resource: resource)
        }
        let key = prefix(ref) + resource
        let submit = {
            guard
                var slot = ref.open(
                    Self.number(operation), octavo_lock_request.self, bytes: key.utf8.count + owner.utf8.count + 2,
                    deadline: deadline, waiter: LockWaiter(store, operation, done))
            else { return }
            let request = slot.request
            request.pointee.resource = slot.text(key)
            request.pointee.owner = slot.text(owner)
            request.pointee.expiry_ns = Int64(expirySeconds) * 1_000_000_000
            slot.submit()
        }
        if ref.startsOnDemand { ref.whenSettled(submit) } else { submit() }
    }

    /// Keys are `lock`, the prefix and the resource. Source: Dapr's lock API.
    private func prefix(_ ref: ComponentRef) -> String {
        "lock" + KeyPrefix.separator
            + KeyPrefix.text(setting: ref.runtimeSettings["keyprefix"], component: ref.name, identity: identity)
    }

    private static func number(_ operation: LockFailure.Operation) -> Int32 {
        switch operation {
        case .lock: OCTAVO_LOCK_OP_TRY_LOCK
        case .unlock: OCTAVO_LOCK_OP_UNLOCK
        case .extend: OCTAVO_LOCK_OP_EXTEND
        }
    }
}

private final class LockWaiter: CallWaiter {
    private let store: String
    private let operation: LockFailure.Operation
    private let done: LockAPI.Done

    init(_ store: String, _ operation: LockFailure.Operation, _ done: @escaping LockAPI.Done) {
        self.store = store
        self.operation = operation
        self.done = done
    }

    override func completed(_ reply: UnsafeRawPointer?) {
        guard let reply = reply?.loadUnaligned(as: octavo_lock_reply.self), let outcome = outcome(reply.result) else {
            let error = CallError(
                code: OCTAVO_CODE_INTERNAL, reason: "MALFORMED_REPLY", message: "the plugin's answer is none of those that there are")
            return done(.failure(.component(store: store, operation: operation, error: error)))
        }
        done(.success(LockAnswer(outcome: outcome, fencing: reply.fencing)))
    }

    private func outcome(_ result: Int32) -> LockAnswer.Outcome? {
        switch result {
        case OCTAVO_LOCK_OK: .done
        case OCTAVO_LOCK_HELD: .held
        case OCTAVO_LOCK_NOT_FOUND: .notFound
        case OCTAVO_LOCK_OTHER_OWNER: .otherOwner
        default: nil
        }
    }

    override func failed(_ error: CallError) { done(.failure(.component(store: store, operation: operation, error: error))) }
}
