import PluginKit

/// A connection of its own on which the server tells which keys have changed (keyspace notifications). Open while keys are
/// wanted; it comes back by itself. On the reactor thread.
final class ChangeFeed {
    /// A server that says nothing for so long is asked whether it is still there.
    private static let keepAlive: Int64 = 5_000_000_000

    private let settings: Settings
    private let instance: Instance
    private var connection: Connection?
    /// How many want each key. The empty one stands for all.
    private var wanted: [[UInt8]: Int] = [:]
    private var subscribed: [[UInt8]: Bool] = [:]
    private var isPrepared = false
    private var hasWarned = false
    private let channelPrefix: [UInt8]
    private var timer: Timer!

    var tls: OpaquePointer?
    /// A key has changed.
    var onKey: ([UInt8]) -> Void = { _ in }
    /// Everything that was wanted when `subscribe()` was called, or when the connection came back, is heard of from now on.
    var onListening: () -> Void = {}
    /// Nothing is heard any more; it is tried again.
    var onLost: (PluginError) -> Void = { _ in }
    var onResolved: () -> Void = {}

    init(_ settings: Settings, _ instance: Instance) {
        self.settings = settings
        self.instance = instance
        var prefix = Array("__keyspace@".utf8)
        Decimal.append(settings.database, to: &prefix)
        prefix.append(contentsOf: "__:".utf8)
        channelPrefix = prefix
        timer = Timer(instance) { [unowned(unsafe) self] in self.askWhetherAlive() }
    }

    var isResolving: Bool { connection?.isResolving ?? false }

    func want(_ keys: WatchedKeys) {
        for key in keys.keys.isEmpty ? [[]] : keys.keys { wanted[key] = (wanted[key] ?? 0) + 1 }
        if let connection, !connection.isClosedForGood {
            if isPrepared { subscribe() }
        } else {
            open()
        }
    }

    func release(_ keys: WatchedKeys) {
        for key in keys.keys.isEmpty ? [[]] : keys.keys {
            guard let count = wanted[key] else { continue }
            wanted[key] = count > 1 ? count - 1 : nil
            if count == 1, isPrepared, subscribed[key] != nil {
                subscribed[key] = nil
                send(key.isEmpty ? "PUNSUBSCRIBE" : "UNSUBSCRIBE", key)
            }
        }
        if wanted.isEmpty { close() }
    }

    func close() {
        timer.cancel()
        isPrepared = false
        subscribed = [:]
        connection?.close()
    }

    private func open() {
        if connection == nil {
            let made = Connection(settings, instance, scripts: [])
            made.tls = tls
            made.onChange = { [unowned(unsafe) self] in self.changed($0) }
            made.onResolved = { [unowned(unsafe) self] in self.onResolved() }
            made.onPush = { [unowned(unsafe) self] in self.isChange($0) }
            connection = made
        }
        connection!.isClosedForGood = false
        connection!.open()
    }

    private func changed(_ error: PluginError?) {
        isPrepared = false
        subscribed = [:]
        timer.cancel()
        if let error { return onLost(error) }
        timer.set(after: Self.keepAlive)
        Notifications(self, connection!).send()
    }

    /// The server has been asked to notify.
    fileprivate func prepared(problem: String?) {
        if let problem, !hasWarned {
            hasWarned = true
            instance.warn(
                "The Redis server \(settings.address) may not tell of changes: \(problem). "
                    + "Have it notify: notify-keyspace-events \"Kg$xe\".")
        }
        isPrepared = true
        subscribe()
    }

    private func subscribe() {
        guard let connection, isPrepared else { return }
        for (key, _) in wanted where subscribed[key] == nil {
            subscribed[key] = true
            send(key.isEmpty ? "PSUBSCRIBE" : "SUBSCRIBE", key)
        }
        // Answered after all of them.
        connection.expect(
            Pending(kind: .exchange, call: 0, request: nil, exchange: Answer { [unowned(unsafe) self] in self.onListening() }))
        connection.output.append("*1\r\n$4\r\nPING\r\n")
    }

    private func send(_ command: StaticString, _ key: [UInt8]) {
        guard let connection else { return }
        connection.expect(Pending(kind: .exchange, call: 0, request: nil, exchange: Answer {}))
        connection.output.command(2)
        connection.output.argument(command)
        connection.output.argument(channelPrefix + (key.isEmpty ? [0x2A] : key))
    }

    private func askWhetherAlive() {
        guard let connection, connection.isReady else { return }
        timer.set(after: Self.keepAlive)
        connection.expect(Pending(kind: .exchange, call: 0, request: nil, exchange: Answer {}))
        connection.output.append("*1\r\n$4\r\nPING\r\n")
    }

    /// "message", channel, event or "pmessage", pattern, channel, event.
    private func isChange(_ reply: RESPReader) -> Bool {
        var reply = reply
        let head = reply.next()
        guard head.kind == .array, head.integer >= 3 else { return false }
        let kind = reply.next()
        guard kind.kind == .text else { return false }
        if kind.text.equals("pmessage") { _ = reply.next() } else if !kind.text.equals("message") { return false }
        let channel = reply.next().text
        if channel.count > channelPrefix.count, channelPrefix.withUnsafeBytes({ channel.hasPrefix(Str($0)) }) {
            onKey([UInt8](channel.raw.dropFirst(channelPrefix.count)))
        }
        return true
    }
}

/// A reply that only has to come.
private final class Answer: Exchange {
    private let body: () -> Void

    init(_ body: @escaping () -> Void) {
        self.body = body
        super.init(isRead: true)
    }

    override func answered(_ number: Int, _ reply: inout RESPReader) { body() }
}

/// Has the server notify of texts that are set, removed, expire or are evicted, besides what it does already. Dapr asks for
/// the same.
private final class Notifications: Exchange {
    private static let needed: StaticString = "Kg$xe"

    private let feed: ChangeFeed
    private let connection: Connection

    init(_ feed: ChangeFeed, _ connection: Connection) {
        self.feed = feed
        self.connection = connection
        super.init(isRead: true)
    }

    func send() {
        connection.expect(Pending(kind: .exchange, call: 0, request: nil, exchange: self, number: 0))
        connection.output.command(3)
        connection.output.argument("CONFIG")
        connection.output.argument("GET")
        connection.output.argument("notify-keyspace-events")
    }

    override func answered(_ number: Int, _ reply: inout RESPReader) {
        let head = reply.next()
        // No right to ask, or to set: whoever runs the server may have set it.
        if head.kind == .error { return feed.prepared(problem: head.text.string) }
        guard number == 0 else { return feed.prepared(problem: nil) }
        guard head.kind == .array, head.integer == 2 else {
            return feed.prepared(problem: "it has no setting notify-keyspace-events")
        }
        _ = reply.next()
        var flags = reply.next().text.array
        let count = flags.count
        // A stands for all kinds of events, K for this way of telling.
        for byte in Str(Self.needed).raw where !flags.contains(byte) && (byte == 0x4B || !flags.contains(0x41)) {
            flags.append(byte)
        }
        if flags.count == count { return feed.prepared(problem: nil) }
        connection.expect(Pending(kind: .exchange, call: 0, request: nil, exchange: self, number: 1))
        connection.output.command(4)
        connection.output.argument("CONFIG")
        connection.output.argument("SET")
        connection.output.argument("notify-keyspace-events")
        connection.output.argument(flags)
    }
}
