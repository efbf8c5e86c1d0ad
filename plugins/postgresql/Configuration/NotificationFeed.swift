import PluginKit

/// A connection of its own that listens on channels. Open while a channel is wanted; it comes back by itself. On the reactor
/// thread.
final class NotificationFeed {
    /// A server that says nothing for so long is asked whether it is still there.
    private static let keepAlive: Int64 = 5_000_000_000

    private let settings: Settings
    private let instance: Instance
    private var connection: Connection?
    /// How many want each channel.
    private var wanted: [[UInt8]: Int] = [:]
    private var subscribed: [[UInt8]: Bool] = [:]
    private var timer: Timer!

    /// What was told on a channel.
    var onNotify: (Str) -> Void = { _ in }
    /// Everything that was wanted when `want` was called, or when the connection came back, is heard of from now on.
    var onListening: () -> Void = {}
    /// Nothing is heard any more; it is tried again.
    var onLost: (PluginError) -> Void = { _ in }
    var onOpened: () -> Void = {}

    init(_ settings: Settings, _ instance: Instance) {
        self.settings = settings
        self.instance = instance
        timer = Timer(instance) { [unowned(unsafe) self] in self.askWhetherAlive() }
    }

    var isOpening: Bool { connection?.isOpening ?? false }

    func want(_ channel: [UInt8]) {
        wanted[channel] = (wanted[channel] ?? 0) + 1
        if let connection, !connection.isClosedForGood {
            if connection.isReady { subscribe() }
        } else {
            open()
        }
    }

    func release(_ channel: [UInt8]) {
        guard let count = wanted[channel] else { return }
        wanted[channel] = count > 1 ? count - 1 : nil
        if wanted.isEmpty { return close() }
        guard count == 1, subscribed[channel] != nil, let connection, connection.isReady else { return }
        subscribed[channel] = nil
        let end = Exchange(isRead: true) { _ in }
        end.add(Statement("UNLISTEN " + ConfigurationSettings.quoted(channel)))
        connection.send(end)
    }

    func close() {
        timer.cancel()
        wanted = [:]
        subscribed = [:]
        connection?.close()
    }

    private func open() {
        if connection == nil {
            let made = Connection(settings, instance)
            made.onChange = { [unowned(unsafe) self] in self.changed($0) }
            made.onOpened = { [unowned(unsafe) self] in self.onOpened() }
            made.onNotify = { [unowned(unsafe) self] (_, told) in self.onNotify(told) }
            connection = made
        }
        connection!.isClosedForGood = false
        connection!.open()
    }

    private func changed(_ error: PluginError?) {
        subscribed = [:]
        timer.cancel()
        if let error { return onLost(error) }
        timer.set(after: Self.keepAlive)
        subscribe()
    }

    private func subscribe() {
        guard let connection else { return }
        let new = wanted.keys.filter { subscribed[$0] == nil }
        let listen = Exchange(isRead: true) { [unowned(unsafe) self] outcome in
            switch outcome {
            case .done: onListening()
            case .failed(let refusal):
                for channel in new { subscribed[channel] = nil }
                onLost(refusal.error)
            }
        }
        for channel in new {
            subscribed[channel] = true
            listen.add(Statement("LISTEN " + ConfigurationSettings.quoted(channel)))
        }
        // Answered after all of them.
        listen.add(Statement("SELECT 1"))
        connection.send(listen)
    }

    private func askWhetherAlive() {
        guard let connection, connection.isReady else { return }
        timer.set(after: Self.keepAlive)
        if wanted.keys.contains(where: { subscribed[$0] == nil }) { return subscribe() }
        let ping = Exchange(isRead: true) { _ in }
        ping.add(Statement("SELECT 1"))
        connection.send(ping)
    }
}
