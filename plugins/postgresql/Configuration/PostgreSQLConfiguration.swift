import PluginKit

/// `configuration.postgresql`. Everything happens on the instance's reactor thread: one connection reads and writes, another
/// listens while somebody watches. What changed while one of them was lost is found by comparing.
final class PostgreSQLConfiguration: ConfigurationStore {
    static let offered = OCTAVO_CONFIGURATION_WATCH | OCTAVO_CONFIGURATION_WRITE

    private let settings: ConfigurationSettings
    private let rows: ConfigurationRows
    private let client: Client
    private let feed: NotificationFeed
    private let follower: ConfigurationFollower
    /// The channel of each watch.
    private var channels: [(source: Source, channel: [UInt8])] = []

    init(_ settings: ConfigurationSettings, _ instance: Instance) {
        self.settings = settings
        rows = ConfigurationRows(settings)
        // Replies must come in the order of the requests.
        client = Client(settings.common, instance, connections: 1)
        feed = NotificationFeed(settings.common, instance)
        follower = ConfigurationFollower(instance)
        super.init(instance, Features(Self.offered, maxValueBytes: 256 << 20))
        client.prepare = { ConfigurationSchema(settings, $0, $1).run() }
        follower.read = { [unowned(unsafe) self] (keys, done) throws(PluginError) in
            self.rows.read(keys, try self.client.pick(), done)
        }
        follower.onEnd = { [unowned(unsafe) self] in self.ended($0.source) }
        client.onReady = { [unowned(unsafe) self] in self.follower.readStale() }
        client.isBusy = { [unowned(unsafe) self] in self.feed.isOpening }
        feed.onNotify = { [unowned(unsafe) self] in self.told($0) }
        feed.onListening = { [unowned(unsafe) self] in self.follower.listening() }
        feed.onLost = { [unowned(unsafe) self] in self.follower.lost($0) }
        feed.onOpened = { [unowned(unsafe) self] in self.client.finishStop() }
    }

    // MARK: Life

    override func start(_ call: Call) throws(PluginError) { client.start(call) }

    override func stop(_ call: Call) throws(PluginError) {
        follower.close()
        channels = []
        feed.close()
        client.stop(call)
    }

    override func health(_ call: Call) throws(PluginError) { try client.health(call) }

    // MARK: Operations

    override func get(_ request: UnsafePointer<octavo_configuration_keys_request>, _ reply: ItemsReply) throws(PluginError) {
        rows.read(WatchedKeys(request.pointee.keys), try client.pick()) { outcome in
            switch outcome {
            case .success(let items): ConfigurationItem.withABI(items) { reply.items($0) }
            case .failure(let error): reply.call.fail(error)
            }
        }
    }

    override func set(_ request: UnsafePointer<octavo_configuration_set_request>, _ reply: EmptyReply) throws(PluginError) {
        let items = request.pointee.items
        if items.count == 0 { return reply.done() }
        let keys = (0..<Int(items.count)).map { items.at($0, as: octavo_configuration_item.self).pointee.key.array }
        let exchange = writing(reply) { [unowned(unsafe) self] in for key in keys { follower.changed(key) } }
        try rows.set(items, exchange)
        try client.pick().send(exchange)
    }

    override func remove(_ request: UnsafePointer<octavo_configuration_keys_request>, _ reply: EmptyReply) throws(PluginError) {
        let exchange = writing(reply) { [unowned(unsafe) self] in follower.anyChanged() }
        rows.remove(request.pointee.keys, exchange)
        try client.pick().send(exchange)
    }

    /// `then`: the table of others may have no trigger.
    private func writing(_ reply: EmptyReply, then: @escaping () -> Void) -> Exchange {
        Exchange(isRead: false) { outcome in
            if case .failed(let refusal) = outcome { return reply.call.fail(refusal.error) }
            reply.done()
            then()
        }
    }

    // MARK: Watches

    override func watch(_ request: UnsafePointer<octavo_configuration_watch_request>, _ reply: EmptyReply) throws(PluginError) {
        let channel = try settings.channel(of: request.pointee.head.metadata)
        _ = try client.pick()
        let watch = FollowedItems(request.pointee, reply)
        channels.append((watch.source, channel))
        follower.add(watch)
        feed.want(channel)
    }

    override func unwatch(_ source: Source, _ reply: EmptyReply) throws(PluginError) {
        follower.remove(source)
        reply.done()
    }

    private func ended(_ source: Source) {
        guard let place = channels.firstIndex(where: { $0.source == source }) else { return }
        feed.release(channels.remove(at: place).channel)
    }

    /// What a trigger tells has the row in `data`; whatever else is told may be about anything.
    private func told(_ text: Str) {
        var key: [UInt8]?
        do throws(PluginError) {
            try JSONReader.read(text.raw) { names, value in
                if names.count == 2, Self.same(names[0], "data"), Self.same(names[1], "key") { key = value }
            }
        } catch { key = nil }
        if let key { follower.changed(key) } else { follower.anyChanged() }
    }

    private static func same(_ bytes: [UInt8], _ word: StaticString) -> Bool { bytes.withUnsafeBytes { Str($0).equals(word) } }
}
