import PluginKit

/// Writes as one transaction of etcd: all or none. A key may be written once in one, so of several writes to a key the last
/// counts, and what an earlier one leaves behind decides about the conditions of the later.
final class Transaction {
    private enum Condition { case revision(Int64), absent }
    private struct Check {
        let index: Int
        let key: [UInt8]
        let condition: Condition
    }

    private let etcd: Etcd
    private var checks: [Check] = []
    private var puts: [(key: [UInt8], value: [UInt8], ttl: Int64)] = []
    private var removals: [[UInt8]] = []

    init(_ etcd: Etcd, _ writes: [UnsafePointer<octavo_state_write>], _ operations: [Int32]) throws(PluginError) {
        self.etcd = etcd
        for index in writes.indices {
            do throws(PluginError) { try add(index, writes[index].pointee, operations[index]) } catch {
                var failure = error
                failure.index = index
                throw failure
            }
        }
        let count = puts.count + removals.count
        if count > etcd.settings.maxTxnOps { throw etcd.tooManyOperations(count) }
    }

    private func add(_ index: Int, _ write: octavo_state_write, _ operation: Int32) throws(PluginError) {
        let key = etcd.settings.prefix + write.key.array
        let putBefore = puts.firstIndex { $0.key == key }, removedBefore = removals.firstIndex { $0 == key }
        if write.etag.isPresent {
            guard let number = write.etag.decimal, number > 0, number <= UInt64(Int64.max) else {
                throw .etagInvalid("An etag of this store is a number, and \"\(write.etag.string)\" is none.")
            }
            if putBefore != nil || removedBefore != nil { throw .etagMismatch }
            checks.append(Check(index: index, key: key, condition: .revision(Int64(number))))
        } else if write.concurrency == OCTAVO_CONCURRENCY_FIRST_WRITE, operation == OCTAVO_STATE_SET {
            if putBefore != nil { throw .keyExists }
            if removedBefore == nil { checks.append(Check(index: index, key: key, condition: .absent)) }
        }
        if let putBefore { puts.remove(at: putBefore) }
        if let removedBefore { removals.remove(at: removedBefore) }
        if operation == OCTAVO_STATE_REMOVE { return removals.append(key) }
        let ttl = max(write.ttl_ns, 0)
        puts.append((key, StoredValue.encode(Str(write.value.raw), ttl: ttl), ttl))
    }

    /// `done` gets the revision, or the error with the position of the write that was refused.
    func run(done: @escaping (Result<Int64, PluginError>) -> Void) { grant([], done) }

    /// A lease for each time to live, one after the other.
    private func grant(_ leases: [(ttl: Int64, lease: Int64)], _ done: @escaping (Result<Int64, PluginError>) -> Void) {
        guard let put = puts.first(where: { put in put.ttl > 0 && !leases.contains { $0.ttl == put.ttl } }) else { return commit(leases, done) }
        etcd.grant(put.ttl) { [self] result in
            switch result {
            case .success(let lease): grant(leases + [(put.ttl, lease)], done)
            case .failure(let error): done(.failure(error))
            }
        }
    }

    private func commit(_ leases: [(ttl: Int64, lease: Int64)], _ done: @escaping (Result<Int64, PluginError>) -> Void) {
        var body = Body(#"{"compare":["#)
        for check in checks {
            switch check.condition {
            case .revision(let revision): body.compare(check.key, mod: revision)
            case .absent: body.compare(check.key, mod: 0)
            }
        }
        body.add(#"],"success":["#)
        for put in puts { body.put(put.key, put.value, lease: leases.first { $0.ttl == put.ttl }?.lease ?? 0) }
        for key in removals { body.remove(key) }
        body.add(#"],"failure":["#)
        for check in checks { body.range(check.key) }
        body.add("]}")
        etcd.send("/v3/kv/txn", body, isWrite: true) { [self] result in
            switch result {
            case .failure(let error):
                // What may have been written keeps its time to live.
                if error.flags & OCTAVO_ERROR_MAY_HAVE_TAKEN_EFFECT == 0 { for lease in leases { etcd.revoke(lease.lease) } }
                done(.failure(error))
            case .success(let answer):
                if answer.succeeded { return done(.success(answer.revision)) }
                refused(answer, leases, done)
            }
        }
    }

    private func refused(_ answer: Reply, _ leases: [(ttl: Int64, lease: Int64)], _ done: @escaping (Result<Int64, PluginError>) -> Void) {
        var isOver = false
        for place in checks.indices {
            let check = checks[place], pair = answer.pair(place)
            var error: PluginError
            switch check.condition {
            case .revision(let revision):
                if pair?.modified == revision { continue }
                error = .etagMismatch
            case .absent:
                guard let pair else { continue }
                if StoredValue.decode(pair.value)?.isExpired == true {
                    // Its time is over, and the server has not taken it away yet.
                    checks[place] = Check(index: check.index, key: check.key, condition: .revision(pair.modified))
                    isOver = true
                    continue
                }
                error = .keyExists
            }
            for lease in leases { etcd.revoke(lease.lease) }
            error.index = check.index
            return done(.failure(error))
        }
        if isOver { return commit(leases, done) }
        done(.failure(PluginError(OCTAVO_CODE_ABORTED, "Somebody else wrote at the same time. Send it again.", flags: OCTAVO_ERROR_RETRYABLE)))
    }
}
