import COctavo
package import Components

/// Why a secret could not be read.
package enum SecretFailure: Error, Sendable {
    case notConfigured
    case notFound(store: String)
    case component(store: String, name: String, error: CallError)
}

/// The secrets building block on one event loop.
package final class SecretsAPI {
    package let loop: CallLoop

    package init(loop: CallLoop) { self.loop = loop }

    package typealias Pairs = [(String, String)]

    /// Throws when there is no secret store of that name.
    package func require(store name: String) throws(SecretFailure) { _ = try store(name) }

    private func store(_ name: String) throws(SecretFailure) -> ComponentRef {
        guard let ref = loop.component(named: name), ref.kind == OCTAVO_KIND_SECRET_STORE else {
            throw loop.allComponents.contains { $0.kind == OCTAVO_KIND_SECRET_STORE }
                ? .notFound(store: name) : .notConfigured
        }
        return ref
    }

    /// The pairs of one secret. `done` is called once; not when this throws.
    package func get(
        store: String, name: String, metadata: [(String, String)] = [], deadline: Int64,
        done: @escaping (Result<Pairs, SecretFailure>) -> Void
    ) throws(SecretFailure) {
        let ref = try self.store(store)
        let run = {
            let bytes = metadata.reduce(name.utf8.count + 32) { $0 + $1.0.utf8.count + $1.1.utf8.count + 40 }
            guard
                var slot = ref.open(
                    OCTAVO_SECRET_OP_GET, octavo_secret_get_request.self, bytes: bytes, deadline: deadline,
                    waiter: SecretWaiter(store, name, done))
            else { return }
            let request = slot.request
            request.pointee.name = slot.text(name)
            if !metadata.isEmpty { request.pointee.head.metadata = slot.pairs(metadata) }
            slot.submit()
        }
        if ref.startsOnDemand { ref.whenSettled(run) } else { run() }
    }

    /// All secrets of a store, by name.
    package func bulkGet(
        store: String, metadata: [(String, String)] = [], deadline: Int64,
        done: @escaping (Result<[(name: String, pairs: Pairs)], SecretFailure>) -> Void
    ) throws(SecretFailure) {
        let ref = try self.store(store)
        let run = {
            let bytes = metadata.reduce(16) { $0 + $1.0.utf8.count + $1.1.utf8.count + 40 }
            guard
                var slot = ref.open(
                    OCTAVO_SECRET_OP_BULK_GET, octavo_secret_bulk_get_request.self, bytes: bytes, deadline: deadline,
                    waiter: BulkSecretWaiter(store, done))
            else { return }
            if !metadata.isEmpty { slot.request.pointee.head.metadata = slot.pairs(metadata) }
            slot.submit()
        }
        if ref.startsOnDemand { ref.whenSettled(run) } else { run() }
    }
}

private final class SecretWaiter: CallWaiter {
    private let store: String
    private let name: String
    private let done: (Result<SecretsAPI.Pairs, SecretFailure>) -> Void

    init(_ store: String, _ name: String, _ done: @escaping (Result<SecretsAPI.Pairs, SecretFailure>) -> Void) {
        self.store = store
        self.name = name
        self.done = done
    }

    override func completed(_ reply: UnsafeRawPointer?) {
        let pairs = reply?.loadUnaligned(as: octavo_secret_get_reply.self).pairs ?? octavo_list()
        done(.success(pairs.elements(as: octavo_pair.self).map { (String($0.name), String($0.value)) }))
    }

    override func failed(_ error: CallError) { done(.failure(.component(store: store, name: name, error: error))) }
}

private final class BulkSecretWaiter: CallWaiter {
    private let store: String
    private let done: (Result<[(name: String, pairs: SecretsAPI.Pairs)], SecretFailure>) -> Void

    init(_ store: String, _ done: @escaping (Result<[(name: String, pairs: SecretsAPI.Pairs)], SecretFailure>) -> Void) {
        self.store = store
        self.done = done
    }

    override func completed(_ reply: UnsafeRawPointer?) {
        let secrets = reply?.loadUnaligned(as: octavo_secret_bulk_get_reply.self).secrets ?? octavo_list()
        done(
            .success(
                secrets.elements(as: octavo_secret.self).map { secret in
                    (
                        String(secret.name),
                        secret.pairs.elements(as: octavo_pair.self).map { (String($0.name), String($0.value)) }
                    )
                }))
    }

    override func failed(_ error: CallError) { done(.failure(.component(store: store, name: "", error: error))) }
}
