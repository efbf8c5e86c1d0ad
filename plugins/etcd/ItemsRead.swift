import PluginKit

/// Reads items: the keys that are named, or all below the prefix. Whatever their number, they are as they were at one moment:
/// what one answer has no room for is asked for at the revision of the first. On the reactor thread.
final class ItemsRead {
    typealias Present = (items: [ConfigurationItem], revision: Int64)
    typealias Done = (Result<Present, PluginError>) -> Void

    private let etcd: Etcd
    /// nil: all.
    private let keys: [[UInt8]]?
    private let done: Done
    private var items: [ConfigurationItem] = []
    private var revision: Int64 = 0
    /// How many of `keys` have been asked for.
    private var asked = 0
    private var restarts = 0

    /// Items of one answer.
    private static let page: Int64 = 1000

    private init(_ etcd: Etcd, _ keys: [[UInt8]]?, _ done: @escaping Done) {
        self.etcd = etcd
        self.keys = keys
        self.done = done
    }

    /// Sorted by key; those that are not there are left out.
    static func start(_ etcd: Etcd, keys: WatchedKeys, done: @escaping Done) {
        if keys.keys.isEmpty { return ItemsRead(etcd, nil, done).goOn() }
        // They are sorted; one that is named twice is one item.
        var named: [[UInt8]] = []
        for key in keys.keys where named.last != key { named.append(key) }
        ItemsRead(etcd, named, done).goOn()
    }

    private func goOn() {
        var body: Body
        if let keys {
            body = Body(#"{"success":["#)
            for key in keys[asked..<min(asked + etcd.settings.maxTxnOps, keys.count)] { body.range(etcd.settings.prefix + key, at: revision) }
            body.add("]}")
        } else {
            body = Body("{")
            if let last = items.last {
                body.prefix(etcd.settings.prefix, from: etcd.settings.prefix + last.key + [0])
            } else {
                body.prefix(etcd.settings.prefix)
            }
            body.add(#","limit":"#)
            body.add(Self.page)
            body.add(#","revision":"#)
            body.add(revision)
            body.add("}")
        }
        etcd.send(keys == nil ? "/v3/kv/range" : "/v3/kv/txn", body, isWrite: false) { [self] result in
            switch result {
            case .failure(let error): failed(error)
            case .success(let reply): take(reply)
            }
        }
    }

    private func take(_ reply: Reply) {
        if revision == 0 { revision = reply.revision }
        for pair in reply.pairs { items.append(ChangeFeed.item(pair, etcd.settings.prefix)) }
        if let keys {
            asked = min(asked + etcd.settings.maxTxnOps, keys.count)
            if asked < keys.count { return goOn() }
        } else if reply.hasMore, !reply.pairs.isEmpty {
            return goOn()
        }
        done(.success((items, revision)))
    }

    /// The revision may be gone meanwhile (compaction): then everything is read anew.
    private func failed(_ error: PluginError) {
        guard revision > 0, error.code == OCTAVO_CODE_OUT_OF_RANGE, restarts < 3 else { return done(.failure(error)) }
        restarts += 1
        (items, revision, asked) = ([], 0, 0)
        goOn()
    }
}
