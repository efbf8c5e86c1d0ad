import PluginKit

/// Tells watches of changes, whoever made them. While there are watches a thread asks the database every few milliseconds
/// whether another connection has written (`PRAGMA data_version`, which reads a page that is in memory); only then are
/// the rows read.
final class ConfigurationWatcher {
    /// How late a change of another process may be noticed.
    private static let pause: Int64 = 25_000_000

    private let monitor = Monitor()
    private let table: ConfigurationTable
    private let instance: Instance
    private var watches: [(source: Source, keys: WatchedKeys)] = []
    /// All rows as they were read last, and the database's number then.
    private var known: [ConfigurationItem] = []
    private var number: Int64?
    private var thread: OwnThread?
    private var isStopping = false

    init(_ table: ConfigurationTable, _ instance: Instance) {
        self.table = table
        self.instance = instance
    }

    func add(_ source: Source, _ keys: WatchedKeys, sendsPresent: Bool) throws(PluginError) {
        let failure: PluginError? = monitor.with {
            if watches.isEmpty { number = nil }
            do throws(PluginError) { try refresh() } catch { return error }
            if thread == nil { thread = OwnThread.start(name: "sqlite-watch") { [unowned(unsafe) self] in self.run() } }
            guard thread != nil else {
                return PluginError(OCTAVO_CODE_RESOURCE_EXHAUSTED, "There is no thread to look for changes.")
            }
            watches.append((source, keys))
            if sendsPresent { ConfigurationItem.withABI(keys.select(known)) { _ = source.deliver($0, isPresent: true) } }
            monitor.wakeAll()
            return nil
        }
        if let failure { throw failure }
    }

    func remove(_ source: Source) {
        monitor.with { watches.removeAll { $0.source == source } }
    }

    /// Something was written here: no need to wait for the thread.
    func look() {
        monitor.with { if !watches.isEmpty { refreshOrFail() } }
    }

    func stop() {
        let thread = monitor.with {
            isStopping = true
            watches = []
            monitor.wakeAll()
            return self.thread
        }
        thread?.join()
    }

    private func run() {
        monitor.with {
            while !isStopping {
                if watches.isEmpty {
                    monitor.wait()
                } else {
                    monitor.wait(atMost: Self.pause)
                    if !isStopping, !watches.isEmpty { refreshOrFail() }
                }
            }
        }
    }

    /// What can't be read can't be watched: the runtime opens the watches anew, and hears of the cause.
    private func refreshOrFail() {
        do throws(PluginError) { try refresh() } catch {
            let ended = watches
            watches = []
            for watch in ended { watch.source.fail(error) }
        }
    }

    /// Reads what is there if that is another thing than before, and tells of it.
    private func refresh() throws(PluginError) {
        let now = try table.changeNumber()
        if now == number { return }
        let items = try table.read(WatchedKeys(.empty))
        let changes = number == nil ? [] : ConfigurationItem.changes(from: known, to: items)
        number = now
        known = items
        if changes.isEmpty { return }
        for watch in watches {
            let own = watch.keys.select(changes)
            if !own.isEmpty { ConfigurationItem.withABI(own) { _ = watch.source.deliver($0) } }
        }
    }
}
