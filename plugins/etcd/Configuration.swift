import PluginHTTP
import PluginKit

/// `configuration.etcd`. Items are the keys below the prefix; the version of one is the revision of its last change. While somebody
/// watches, one stream tells of all changes, and begins after a loss where it had ended.
final class EtcdConfiguration: ConfigurationStore {
    static let offered = OCTAVO_CONFIGURATION_WATCH | OCTAVO_CONFIGURATION_WRITE

    private let etcd: Etcd
    private var feed: ChangeFeed!
    private var watches: [(source: Source, keys: WatchedKeys)] = []

    init(_ settings: Settings, _ instance: Instance) {
        etcd = Etcd(settings, instance)
        super.init(instance, Features(Self.offered))
        feed = ChangeFeed(etcd) { [unowned(unsafe) self] in self.tell($0) }
    }

    override func start(_ call: Call) throws(PluginError) { try etcd.start(call) }
    override func stop(_ call: Call) throws(PluginError) {
        watches = []
        feed.close()
        etcd.stop(call)
    }
    override func health(_ call: Call) throws(PluginError) { try etcd.health(call) }

    override func get(_ request: UnsafePointer<octavo_configuration_keys_request>, _ reply: ItemsReply) throws(PluginError) {
        ItemsRead.start(etcd, keys: WatchedKeys(request.pointee.keys)) { result in
            switch result {
            case .success(let found): ConfigurationItem.withABI(found.items) { reply.items($0) }
            case .failure(let error): reply.call.fail(error)
            }
        }
    }

    override func set(_ request: UnsafePointer<octavo_configuration_set_request>, _ reply: EmptyReply) throws(PluginError) {
        let items = request.pointee.items
        var last: [ConfigurationItem] = []
        for index in 0..<Int(items.count) {
            let item = items.at(index, as: octavo_configuration_item.self).pointee
            if item.metadata.count > 0 { throw .invalid("This configuration store keeps no metadata of an item. Set it without.") }
            if !item.version.isEmpty { throw .invalid("This configuration store gives the versions itself. Set the item without.") }
            if item.key.isEmpty { throw .invalid("An item needs a key.") }
            if !item.value.isPresent { throw .invalid("An item needs a value; remove takes one away.") }
            let key = item.key.array
            last.append(ConfigurationItem(key: key, value: item.value.array))
        }
        last = EtcdConfiguration.newest(last)
        write(last, from: 0, reply)
    }

    override func remove(_ request: UnsafePointer<octavo_configuration_keys_request>, _ reply: EmptyReply) throws(PluginError) {
        let keys = WatchedKeys(request.pointee.keys).keys
        guard !keys.isEmpty else { throw .invalid("Name the keys to remove: without, that would be everything below the prefix.") }
        var removals: [ConfigurationItem] = []
        for key in keys where removals.last?.key != key { removals.append(ConfigurationItem(key: key, value: nil)) }
        write(removals, from: 0, reply)
    }

    /// Of each key the last, for a transaction may write a key once; sorted by key.
    private static func newest(_ items: [ConfigurationItem]) -> [ConfigurationItem] {
        var order = Array(items.indices)
        order.sort { one, other in
            if ConfigurationItem.precedes(items[one].key, items[other].key) { return true }
            return !ConfigurationItem.precedes(items[other].key, items[one].key) && one < other
        }
        var newest: [ConfigurationItem] = []
        for place in order {
            if newest.last?.key == items[place].key { newest.removeLast() }
            newest.append(items[place])
        }
        return newest
    }

    /// Sets those with a value and removes the others, in as few transactions as the server allows, one after the other.
    private func write(_ items: [ConfigurationItem], from start: Int, _ reply: EmptyReply) {
        let end = min(start + etcd.settings.maxTxnOps, items.count)
        if start == end { return reply.done() }
        var body = Body(#"{"success":["#)
        for item in items[start..<end] {
            let key = etcd.settings.prefix + item.key
            if let value = item.value { body.put(key, value, lease: 0) } else { body.remove(key) }
        }
        body.add("]}")
        etcd.send("/v3/kv/txn", body, isWrite: true) { [self] result in
            switch result {
            case .success: write(items, from: end, reply)
            case .failure(var error):
                if start > 0 {
                    error.flags |= OCTAVO_ERROR_MAY_HAVE_TAKEN_EFFECT
                    error.message += " The first \(start) of \(items.count) items were written before."
                }
                reply.call.fail(error)
            }
        }
    }

    override func watch(_ request: UnsafePointer<octavo_configuration_watch_request>, _ reply: EmptyReply) throws(PluginError) {
        let source = Source(request.pointee.source), keys = WatchedKeys(request.pointee.keys)
        let sendsPresent = request.pointee.flags & OCTAVO_CONFIGURATION_SEND_PRESENT != 0
        ItemsRead.start(etcd, keys: WatchedKeys(.empty)) { [self] result in
            switch result {
            case .failure(let error): reply.call.fail(error)
            case .success(let all):
                // What the stream has not told yet comes now, to the others; this one begins with it.
                feed.begin(with: all)
                if sendsPresent { ConfigurationItem.withABI(keys.select(feed.items)) { _ = source.deliver($0, isPresent: true) } }
                watches.append((source, keys))
                reply.done()
            }
        }
    }

    override func unwatch(_ source: Source, _ reply: EmptyReply) throws(PluginError) {
        watches.removeAll { $0.source == source }
        if watches.isEmpty { feed.close() }
        reply.done()
    }

    private func tell(_ changes: [ConfigurationItem]) {
        for watch in watches {
            let told = watch.keys.select(changes)
            if !told.isEmpty { ConfigurationItem.withABI(told) { _ = watch.source.deliver($0) } }
        }
    }
}
