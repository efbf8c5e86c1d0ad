import PluginKit

/// `configuration.redis`. Everything happens on the instance's reactor thread: one connection reads and writes, another
/// hears of changes while somebody watches. What changed while one of them was lost is found by comparing.
final class RedisConfiguration: ConfigurationStore {
    static let offered = OCTAVO_CONFIGURATION_WATCH | OCTAVO_CONFIGURATION_WRITE

    private let client: Client
    private let feed: ChangeFeed
    private var watches: [RedisWatch] = []
    private var isListening = false
    /// Keys that have changed and are to be read.
    private var changed: [[UInt8]] = []
    private var later: Later!

    init(_ settings: Settings, _ instance: Instance) {
        var settings = settings
        // Replies must come in the order of the requests.
        settings.connections = 1
        client = Client(settings, instance)
        feed = ChangeFeed(settings, instance)
        super.init(instance, Features(Self.offered, maxValueBytes: 512 << 20))
        later = Later(instance)
        client.onReady = { [unowned(unsafe) self] in self.readStale() }
        client.isBusy = { [unowned(unsafe) self] in self.feed.isResolving }
        feed.onKey = { [unowned(unsafe) self] in self.keyChanged($0) }
        feed.onListening = { [unowned(unsafe) self] in
            self.isListening = true
            self.readStale()
        }
        feed.onLost = { [unowned(unsafe) self] in self.feedLost($0) }
        feed.onResolved = { [unowned(unsafe) self] in self.client.finishStop() }
    }

    // MARK: Life

    override func start(_ call: Call) throws(PluginError) {
        try client.start(call)
        feed.tls = client.tls
    }

    override func stop(_ call: Call) throws(PluginError) {
        let open = watches
        watches = []
        for watch in open { watch.failOpening(PluginError(OCTAVO_CODE_UNAVAILABLE, "The store is being stopped.")) }
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
        let watch = RedisWatch(request.pointee, reply)
        watches.append(watch)
        // What it wants may not be heard of yet.
        isListening = false
        feed.want(watch.keys)
    }

    override func unwatch(_ source: Source, _ reply: EmptyReply) throws(PluginError) {
        if let place = watches.firstIndex(where: { $0.source == source }) {
            let watch = watches.remove(at: place)
            watch.failOpening(PluginError(OCTAVO_CODE_CANCELLED, "The watch was ended."))
            feed.release(watch.keys)
        }
        reply.done()
    }

    private func feedLost(_ error: PluginError) {
        isListening = false
        let opening = watches.filter { $0.opening != nil }
        watches.removeAll { $0.opening != nil }
        for watch in watches { watch.becomeStale() }
        for watch in opening {
            watch.failOpening(error)
            feed.release(watch.keys)
        }
    }

    /// Reads all items of watches that may have missed something.
    private func readStale() {
        guard isListening else { return }
        for watch in watches where watch.state == .stale {
            let connection: Connection
            // It is read when there is a connection again.
            do throws(PluginError) { connection = try client.pick() } catch { return }
            let number = watch.beginReading()
            ItemsRead(connection, watch.keys) { [unowned(unsafe) self] outcome in
                guard watch.state == .reading, watch.reading == number, self.watches.contains(where: { $0 === watch }) else { return }
                switch outcome {
                case .success(let items): watch.take(all: items)
                case .failure(let error): self.readFailed(watch, error)
                }
            }.send()
        }
    }

    private func readFailed(_ watch: RedisWatch, _ error: PluginError) {
        watch.becomeStale()
        // The runtime opens it again, after a while and with the cause.
        if watch.opening == nil, error.flags & OCTAVO_ERROR_OUTAGE != 0 { return }
        watches.removeAll { $0 === watch }
        if watch.opening != nil { watch.failOpening(error) } else { watch.source.fail(error) }
        feed.release(watch.keys)
    }

    private func keyChanged(_ key: [UInt8]) {
        if !changed.contains(key) { changed.append(key) }
        later.ask { [self] in readChanged() }
    }

    private func readChanged() {
        let keys = changed
        changed = []
        let connection: Connection
        do throws(PluginError) { connection = try client.pick() } catch {
            for watch in watches where watch.opening == nil { watch.becomeStale() }
            return
        }
        ItemsRead(connection, WatchedKeys(keys)) { [unowned(unsafe) self] outcome in
            switch outcome {
            case .success(let items): self.take(keys, items)
            case .failure:
                for watch in self.watches where watch.opening == nil { watch.becomeStale() }
                self.readStale()
            }
        }.send()
    }

    private func take(_ keys: [[UInt8]], _ items: [ConfigurationItem]) {
        for key in keys {
            let item = items.first { $0.key == key } ?? ConfigurationItem(key: key, value: nil)
            for watch in watches { watch.take(changed: item) }
        }
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
