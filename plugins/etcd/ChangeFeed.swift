import PluginHTTP
import PluginKit

/// What there is below the prefix, kept up to date by a stream of changes. On the reactor thread.
final class ChangeFeed {
    private static let longestLine = 256 << 20

    private let etcd: Etcd
    private let tell: ([ConfigurationItem]) -> Void
    private(set) var items: [ConfigurationItem] = []
    /// Everything up to this is in `items`.
    private var revision: Int64 = 0
    private var isWanted = false
    private var transfer: HTTPTransfer?
    /// An answer is a line.
    private let lines = HTTPLines(longest: ChangeFeed.longestLine)
    private var pause: Int64 = 0
    private var timer: Timer!

    init(_ etcd: Etcd, tell: @escaping ([ConfigurationItem]) -> Void) {
        self.etcd = etcd
        self.tell = tell
        timer = Timer(etcd.instance) { [unowned(unsafe) self] in self.open() }
    }

    static func item(_ pair: Reply.Pair, _ prefix: [UInt8]) -> ConfigurationItem {
        var version: [UInt8] = []
        Decimal.append(pair.modified, to: &version)
        return ConfigurationItem(
            key: [UInt8](pair.key.dropFirst(prefix.count)), value: pair.isRemoval ? nil : pair.value, version: pair.isRemoval ? [] : version)
    }

    /// Follows changes from there on, if it does not already.
    func begin(with present: ItemsRead.Present) {
        if !isWanted {
            isWanted = true
            (items, revision) = present
            return open()
        }
        if present.revision > revision { replace(present) }
    }

    private func replace(_ present: ItemsRead.Present) {
        let changes = ConfigurationItem.changes(from: items, to: present.items)
        (items, revision) = present
        if !changes.isEmpty { tell(changes) }
    }

    func close() {
        isWanted = false
        timer.cancel()
        if let transfer { etcd.client.cancel(transfer) }
        transfer = nil
    }

    private func open() {
        guard isWanted, transfer == nil else { return }
        // The server asks once for a token, when a watch begins.
        if etcd.needsLogin {
            return etcd.logIn { [self] _ in if etcd.needsLogin { again() } else { open() } }
        }
        lines.reset()
        var body = Body(#"{"create_request":{"progress_notify":true,"#)
        body.prefix(etcd.settings.prefix)
        body.add(#","start_revision":"#)
        body.add(revision + 1)
        body.add("}}")
        var request = etcd.request("/v3/watch", body.bytes)
        request.timeout = 0
        request.isRepeatable = true
        let endpoint = etcd.current
        do throws(PluginError) {
            transfer = try etcd.client.stream(
                request, head: { _ in }, chunk: { [unowned(unsafe) self] in self.lines.take($0) { self.heard($0) } },
                done: { [unowned(unsafe) self] _ in
                    self.transfer = nil
                    self.etcd.leave(endpoint)
                    self.again()
                })
        } catch { again() }
    }

    private func again() {
        guard isWanted else { return }
        pause = min(max(pause * 2, 50_000_000), 2_000_000_000)
        timer.set(after: pause / 2 + Int64(Host.random() % UInt64(pause / 2)))
    }

    private func heard(_ line: [UInt8]) -> Bool {
        guard let reply = Reply.read(line), reply.problem.isEmpty else {
            return false
        }
        if reply.isCancelled {
            // Changes that it was to begin with are gone (compaction): all is read, and what differs is told.
            if reply.compacted > 0 { reread() }
            return false
        }
        pause = 0
        // The newest of each key is what counts.
        var changes: [ConfigurationItem] = []
        for pair in reply.pairs where pair.modified > revision {
            let item = ChangeFeed.item(pair, etcd.settings.prefix)
            changes.removeAll { $0.key == item.key }
            changes.append(item)
        }
        for pair in reply.pairs { revision = max(revision, pair.modified) }
        for item in changes {
            let place = items.firstIndex { !ConfigurationItem.precedes($0.key, item.key) } ?? items.count
            if place < items.count, items[place].key == item.key { items.remove(at: place) }
            if item.value != nil { items.insert(item, at: place) }
        }
        if !changes.isEmpty { tell(changes) }
        return true
    }

    private func reread() {
        ItemsRead.start(etcd, keys: WatchedKeys(.empty)) { [self] result in
            guard isWanted, case .success(let present) = result, present.revision > revision else { return }
            replace(present)
        }
    }
}
