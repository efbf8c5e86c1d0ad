import PluginHTTP
import PluginKit

/// Keys that are there as long as this process renews their lease; made again when the cluster has lost them. On the reactor thread.
final class NamesLease {
    private static let pause: Int64 = 500_000_000

    private let etcd: Etcd
    private let lifetime: Int64
    /// 0: there is none.
    private var id: Int64 = 0
    private var isGranting = false
    private var waiting: [(PluginError?) -> Void] = []
    private var kept: [(key: [UInt8], value: [UInt8])] = []
    private var timer: Timer!
    private let later: Later
    var isStopped = true

    init(_ etcd: Etcd, lifetime: Int64) {
        self.etcd = etcd
        self.lifetime = lifetime
        later = Later(etcd.instance)
        timer = Timer(etcd.instance) { [unowned(unsafe) self] in self.renew() }
    }

    /// Writes a key, in place of what it held, and keeps it there.
    func keep(_ key: [UInt8], _ value: [UInt8], done: @escaping (PluginError?) -> Void) {
        write(key, value, mayGrant: true) { [self] error in
            if error == nil, !isStopped {
                kept.removeAll { $0.key == key }
                kept.append((key, value))
                schedule(lifetime / 3)
            }
            done(error)
        }
    }

    func drop(_ key: [UInt8], done: @escaping (PluginError?) -> Void) {
        kept.removeAll { $0.key == key }
        if kept.isEmpty { timer.cancel() }
        var body = Body(#"{"key":"#)
        body.add(key)
        body.add("}")
        etcd.send("/v3/kv/deleterange", body, isWrite: true) { result in
            if case .failure(let error) = result { done(error) } else { done(nil) }
        }
    }

    /// The keys go at once, if a server answers; at the lease's end otherwise.
    func stop(done: @escaping () -> Void) {
        isStopped = true
        timer.cancel()
        kept = []
        guard id != 0 else { return done() }
        var body = Body(#"{"ID":"#)
        body.add(id)
        body.add("}")
        id = 0
        // Not within what the client calls: after `done` there may be no client any more.
        etcd.send("/v3/lease/revoke", body, isWrite: false) { [self] _ in later.ask(done) }
    }

    private func schedule(_ delay: Int64) {
        if !isStopped, !kept.isEmpty, !timer.isSet { timer.set(after: delay) }
    }

    private func write(_ key: [UInt8], _ value: [UInt8], mayGrant: Bool, done: @escaping (PluginError?) -> Void) {
        grant { [self] error in
            if let error { return done(error) }
            var body = Body(#"{"key":"#)
            body.add(key)
            body.add(#","value":"#)
            body.add(value)
            body.add(#","lease":"#)
            body.add(id)
            body.add("}")
            let used = id
            // The same written twice is the same.
            etcd.send("/v3/kv/put", body, isWrite: false) { [self] result in
                guard case .failure(let error) = result else { return done(nil) }
                // The cluster has been made anew, or was away for longer than the lease.
                guard error.code == OCTAVO_CODE_NOT_FOUND, mayGrant, !isStopped else { return done(error) }
                if id == used { id = 0 }
                write(key, value, mayGrant: false, done: done)
            }
        }
    }

    /// Sees that there is a lease.
    private func grant(done: @escaping (PluginError?) -> Void) {
        if id != 0 { return done(nil) }
        waiting.append(done)
        if isGranting { return }
        isGranting = true
        etcd.grant(lifetime) { [self] result in
            isGranting = false
            let all = waiting
            waiting = []
            switch result {
            case .success(let granted):
                id = granted
                for one in all { one(nil) }
            case .failure(let error): for one in all { one(error) }
            }
        }
    }

    private func renew() {
        if isStopped { return }
        guard id != 0 else { return restore() }
        let used = id
        var body = Body(#"{"ID":"#)
        body.add(used)
        body.add("}")
        etcd.send("/v3/lease/keepalive", body, isWrite: false) { [self] result in
            if isStopped { return }
            switch result {
            case .success(let reply) where reply.lifetime > 0: schedule(lifetime / 3)
            case .success:
                if id == used { id = 0 }
                if !kept.isEmpty { etcd.instance.info("etcd has lost the lease of what is advertised; it is advertised again") }
                restore()
            case .failure: schedule(min(Self.pause, lifetime / 4))
            }
        }
    }

    /// Writes all keys again, with a lease that is new.
    private func restore() {
        var open = kept.count, failed = false
        for one in kept {
            write(one.key, one.value, mayGrant: true) { [self] error in
                open -= 1
                if error != nil { failed = true }
                // One that has been dropped meanwhile goes again.
                if error == nil, !isStopped, !kept.contains(where: { $0.key == one.key }) { drop(one.key) { _ in } }
                if open == 0 { schedule(failed ? Self.pause : lifetime / 3) }
            }
        }
    }
}
