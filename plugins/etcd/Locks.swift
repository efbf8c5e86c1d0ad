import PluginKit

/// `lock.etcd`. A lock is a key that holds its owner and has a lease. Its token is the revision that created it, which no later
/// one can be smaller than. Leases are whole seconds, 2 at least: a lock may last longer than was asked for, never shorter.
final class EtcdLocks: LockStore {
    static let offered = OCTAVO_LOCK_EXTEND | OCTAVO_LOCK_FENCING

    private let etcd: Etcd

    init(_ settings: Settings, _ instance: Instance) {
        etcd = Etcd(settings, instance)
        super.init(instance, Features(Self.offered))
    }

    override func start(_ call: Call) throws(PluginError) { try etcd.start(call) }
    override func stop(_ call: Call) throws(PluginError) { etcd.stop(call) }
    override func health(_ call: Call) throws(PluginError) { try etcd.health(call) }

    private func expiry(_ request: UnsafePointer<octavo_lock_request>) throws(PluginError) -> Int64 {
        guard request.pointee.expiry_ns > 0 else { throw .invalid("A lock needs an expiry that is not over already.") }
        return request.pointee.expiry_ns
    }

    override func tryLock(_ request: UnsafePointer<octavo_lock_request>, _ reply: LockReply) throws(PluginError) {
        let key = etcd.settings.prefix + request.pointee.resource.array, owner = request.pointee.owner.array, etcd = etcd
        etcd.grant(try expiry(request)) { result in
            guard case .success(let lease) = result else { return reply.fail(result) }
            var body = Body(#"{"compare":["#)
            body.compare(key, mod: 0)
            body.add(#"],"success":["#)
            body.put(key, owner, lease: lease)
            body.add("]}")
            etcd.send("/v3/kv/txn", body, isWrite: true) { result in
                guard case .success(let answer) = result else {
                    etcd.revoke(lease)
                    return reply.fail(result)
                }
                if answer.succeeded { return reply.answer(.ok, fencing: UInt64(answer.revision)) }
                etcd.revoke(lease)
                reply.answer(.held)
            }
        }
    }

    override func unlock(_ request: UnsafePointer<octavo_lock_request>, _ reply: LockReply) throws(PluginError) {
        let key = etcd.settings.prefix + request.pointee.resource.array, etcd = etcd
        var body = Body(#"{"compare":["#)
        body.compare(key, value: request.pointee.owner.array)
        body.add(#"],"success":["#)
        body.remove(key)
        body.add(#"],"failure":["#)
        body.range(key)
        body.add("]}")
        etcd.send("/v3/kv/txn", body, isWrite: true) { result in
            guard case .success(let answer) = result else { return reply.fail(result) }
            if answer.succeeded, let old = answer.before.first { etcd.revoke(old.lease) }
            reply.answer(answer.succeeded ? .ok : answer.pairs.isEmpty ? .notFound : .otherOwner)
        }
    }

    override func extend(_ request: UnsafePointer<octavo_lock_request>, _ reply: LockReply) throws(PluginError) {
        let key = etcd.settings.prefix + request.pointee.resource.array, owner = request.pointee.owner.array, etcd = etcd
        etcd.grant(try expiry(request)) { result in
            guard case .success(let lease) = result else { return reply.fail(result) }
            var body = Body(#"{"compare":["#)
            body.compare(key, value: owner)
            body.add(#"],"success":["#)
            body.put(key, owner, lease: lease)
            body.range(key)
            body.add(#"],"failure":["#)
            body.range(key)
            body.add("]}")
            etcd.send("/v3/kv/txn", body, isWrite: true) { result in
                guard case .success(let answer) = result else { return reply.fail(result) }
                guard answer.succeeded else {
                    etcd.revoke(lease)
                    return reply.answer(answer.pairs.isEmpty ? .notFound : .otherOwner)
                }
                if let old = answer.before.first { etcd.revoke(old.lease) }
                reply.answer(.ok, fencing: UInt64(answer.pairs.first?.created ?? 0))
            }
        }
    }
}

extension LockReply {
    fileprivate func fail<Success>(_ result: Swift.Result<Success, PluginError>) {
        if case .failure(let error) = result { call.fail(error) }
    }
}
