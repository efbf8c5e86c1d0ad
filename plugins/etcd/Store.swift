import PluginKit

/// `state.etcd`, as version 2 of Dapr's: the key after the prefix and a slash, the etag is the revision of its last change. A
/// check and its write are one transaction.
final class EtcdStore: StateStore {
    static let offered = OCTAVO_STATE_ETAG | OCTAVO_STATE_TTL | OCTAVO_STATE_TRANSACTION | OCTAVO_STATE_REMOVE_PREFIX

    private let etcd: Etcd

    init(_ settings: Settings, _ instance: Instance) {
        etcd = Etcd(settings, instance)
        super.init(instance, Features(Self.offered, maxTransactionOps: UInt32(settings.maxTxnOps)))
    }

    override func start(_ call: Call) throws(PluginError) { try etcd.start(call) }
    override func stop(_ call: Call) throws(PluginError) { etcd.stop(call) }
    override func health(_ call: Call) throws(PluginError) { try etcd.health(call) }

    override func get(_ request: UnsafePointer<octavo_state_get_request>, _ reply: GetReply) throws(PluginError) {
        var body = Body(#"{"key":"#)
        body.add(etcd.settings.prefix + request.pointee.key.array)
        body.add("}")
        etcd.send("/v3/kv/range", body, isWrite: false) { result in
            guard case .success(let answer) = result else {
                if case .failure(let error) = result { reply.call.fail(error) }
                return
            }
            guard let pair = answer.pair() else { return reply.missing() }
            guard let value = StoredValue.decode(pair.value) else {
                return reply.call.fail(
                    PluginError(
                        OCTAVO_CODE_FAILED_PRECONDITION,
                        "The key holds something that no state store of version 2 wrote. Use another keyPrefixPath."))
            }
            if value.isExpired { return reply.missing() }
            pair.value.withUnsafeBytes { bytes in
                Decimal.with(UInt64(pair.modified)) { etag in
                    let data = Bytes(bytes.baseAddress! + value.data.lowerBound, value.data.count)
                    // The second after the end: a time in full seconds must not lie before it.
                    if value.expires > 0 {
                        reply.found(value: data, etag: etag, expires: (value.expires + 999_999_999) / 1_000_000_000)
                    } else {
                        reply.found(value: data, etag: etag)
                    }
                }
            }
        }
    }

    override func set(_ request: UnsafePointer<octavo_state_write_request>, _ reply: WriteReply) throws(PluginError) {
        try Transaction(etcd, [request.write], [OCTAVO_STATE_SET]).run { result in
            switch result {
            case .success(let revision): Decimal.with(UInt64(revision)) { reply.written(etag: $0) }
            case .failure(let error): reply.call.fail(error.alone)
            }
        }
    }

    override func remove(_ request: UnsafePointer<octavo_state_write_request>, _ reply: WriteReply) throws(PluginError) {
        try Transaction(etcd, [request.write], [OCTAVO_STATE_REMOVE]).run { result in
            switch result {
            case .success: reply.done()
            case .failure(let error): reply.call.fail(error.alone)
            }
        }
    }

    override func transact(_ request: UnsafePointer<octavo_state_writes_request>, _ reply: EmptyReply) throws(PluginError) {
        let writes = request.pointee.writes
        guard writes.count > 0 else { return reply.done() }
        let all = (0..<Int(writes.count)).map { writes.at($0, as: octavo_state_write.self) }
        try Transaction(etcd, all, all.map { $0.pointee.operation }).run { result in
            switch result {
            case .success: reply.done()
            case .failure(let error): reply.call.fail(error)
            }
        }
    }

    override func removePrefix(_ request: UnsafePointer<octavo_state_prefix_request>, _ reply: CountReply) throws(PluginError) {
        var body = Body("{")
        body.prefix(etcd.settings.prefix + request.pointee.prefix.array)
        body.add("}")
        etcd.send("/v3/kv/deleterange", body, isWrite: true) { result in
            switch result {
            case .success(let answer): reply.count(UInt64(max(answer.deleted, 0)))
            case .failure(let error): reply.call.fail(error)
            }
        }
    }
}

extension PluginError {
    /// Of a write that was no part of a transaction.
    fileprivate var alone: PluginError {
        var error = self
        error.index = nil
        return error
    }
}
