import PluginKit

/// `configuration.redis`. Everything happens on the instance's reactor thread: one connection reads and writes, another
/// hears of changes while somebody watches. What changed while one of them was lost is found by comparing.
final class RedisConfiguration: ConfigurationStore {
    static let offered = OCTAVO_CONFIGURATION_WATCH | OCTAVO_CONFIGURATION_WRITE

    private let client: Client
    private let feed: ChangeFeed
    private let follower: ConfigurationFollower

    init(_ settings: Settings, _ instance: Instance) {
        var settings = settings
        // Replies must come in the order of the requests.
        settings.connections = 1
        client = Client(settings, instance)
        feed = ChangeFeed(settings, instance)
        follower = ConfigurationFollower(instance)
        super.init(instance, Features(Self.offered, maxValueBytes: 512 << 20))
        follower.read = { [unowned(unsafe) self] (keys, done) throws(PluginError) in
            ItemsRead(try self.client.pick(), keys, done).send()
        }
        follower.onEnd = { [unowned(unsafe) self] in self.feed.release($0.keys) }
        client.onReady = { [unowned(unsafe) self] in self.follower.readStale() }
        client.isBusy = { [unowned(unsafe) self] in self.feed.isResolving }
        feed.onKey = { [unowned(unsafe) self] in self.follower.changed($0) }
        feed.onListening = { [unowned(unsafe) self] in self.follower.listening() }
        feed.onLost = { [unowned(unsafe) self] in self.follower.lost($0) }
        feed.onResolved = { [unowned(unsafe) self] in self.client.finishStop() }
    }

    // MARK: Life

    override func start(_ call: Call) throws(PluginError) {
        try client.start(call)
        feed.tls = client.tls
    }

    override func stop(_ call: Call) throws(PluginError) {
        follower.close()
        feed.close()
        client.stop(call)
    }

    override func health(_ call: Call) throws(PluginError) { try client.health(call) }

    // MARK: Operations

    override func get(_ request: UnsafePointer<octavo_configuration_keys_request>, _ reply: ItemsReply) throws(PluginError) {
        ItemsRead(try client.pick(), WatchedKeys(request.pointee.keys)) { outcome in
            switch outcome {
            case .success(let items): ConfigurationItem.withABI(items) { reply.items($0) }
            case .failure(let error): reply.call.fail(error)
            }
        }.send()
    }

    override func set(_ request: UnsafePointer<octavo_configuration_set_request>, _ reply: EmptyReply) throws(PluginError) {
        let items = request.pointee.items, connection = try client.pick()
        for index in 0..<Int(items.count) {
            let item = items.at(index, as: octavo_configuration_item.self)
            if item.pointee.metadata.count > 0 {
                throw .invalid("This configuration store keeps no metadata of an item. Set it without.")
            }
            if item.pointee.key.isEmpty { throw .invalid("An item needs a key.") }
            if !item.pointee.value.isPresent { throw .invalid("An item needs a value; remove takes one away.") }
            if StoredItem.separator(item.pointee.value.raw) != nil || StoredItem.separator(item.pointee.version.raw) != nil {
                throw .invalid("Values and versions can't contain '||', which stands between the two.")
            }
        }
        if items.count == 0 { return reply.done() }
        Written(connection, reply).expect()
        connection.output.command(1 + 2 * Int(items.count))
        connection.output.argument("MSET")
        for index in 0..<Int(items.count) {
            let item = items.at(index, as: octavo_configuration_item.self)
            connection.output.argument(item.pointee.key)
            guard !item.pointee.version.isEmpty else {
                connection.output.argument(item.pointee.value)
                continue
            }
            connection.output.argument(item.pointee.value.array + [0x7C, 0x7C] + item.pointee.version.array)
        }
    }

    override func remove(_ request: UnsafePointer<octavo_configuration_keys_request>, _ reply: EmptyReply) throws(PluginError) {
        let keys = request.pointee.keys, connection = try client.pick()
        guard keys.count > 0 else {
            throw .invalid("Name the keys to remove: without, that would be everything in the database, whoever it belongs to.")
        }
        Written(connection, reply).expect()
        connection.output.command(1 + Int(keys.count))
        connection.output.argument("DEL")
        for index in 0..<Int(keys.count) { connection.output.argument(keys.at(index, as: octavo_str.self).pointee) }
    }

    // MARK: Watches

    override func watch(_ request: UnsafePointer<octavo_configuration_watch_request>, _ reply: EmptyReply) throws(PluginError) {
        _ = try client.pick()
        let watch = FollowedItems(request.pointee, reply)
        follower.add(watch)
        feed.want(watch.keys)
    }

    override func unwatch(_ source: Source, _ reply: EmptyReply) throws(PluginError) {
        follower.remove(source)
        reply.done()
    }
}

/// A write whose reply is awaited.
private final class Written: Exchange {
    private let connection: Connection
    private let reply: EmptyReply

    init(_ connection: Connection, _ reply: EmptyReply) {
        self.connection = connection
        self.reply = reply
        super.init(isRead: false)
    }

    func expect() { connection.expect(Pending(kind: .exchange, call: 0, request: nil, exchange: self)) }

    override func answered(_ number: Int, _ answer: inout RESPReader) {
        let value = answer.next()
        if value.kind == .error { return reply.call.fail(Failure.from(value.text, connection.settings)) }
        reply.done()
    }

    override func failed(_ number: Int, _ error: PluginError) { reply.call.fail(error) }
}
