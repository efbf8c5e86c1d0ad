import CSQLite
import PluginKit

/// `configuration.sqlite`. Operations come on one worker thread; a thread of its own looks for what others write while
/// somebody watches.
final class SQLiteConfiguration: ConfigurationStore {
    static let offered = OCTAVO_CONFIGURATION_WATCH | OCTAVO_CONFIGURATION_WRITE

    private let settings: Settings
    /// Of the control thread and the worker.
    private let monitor = Monitor()
    private var table: ConfigurationTable?
    private var watcher: ConfigurationWatcher?

    init(_ settings: Settings, _ instance: Instance) throws(PluginError) {
        try settings.requireFile()
        self.settings = settings
        super.init(instance, Features(Self.offered))
    }

    override func start(_ call: Call) throws(PluginError) {
        let table = try ConfigurationTable(settings)
        let watcher = ConfigurationWatcher(try ConfigurationTable(settings), instance)
        monitor.with {
            self.table = table
            self.watcher = watcher
        }
        call.done()
    }

    override func stop(_ call: Call) throws(PluginError) {
        let watcher = monitor.with {
            table = nil
            defer { self.watcher = nil }
            return self.watcher
        }
        watcher?.stop()
        call.done()
    }

    override func health(_ call: Call) throws(PluginError) {
        try using { (table) throws(PluginError) in try table.check() }
        call.done()
    }

    override func get(_ request: UnsafePointer<octavo_configuration_keys_request>, _ reply: ItemsReply) throws(PluginError) {
        let keys = WatchedKeys(request.pointee.keys)
        let items = try using { (table) throws(PluginError) in try table.read(keys) }
        ConfigurationItem.withABI(items) { reply.items($0) }
    }

    override func set(_ request: UnsafePointer<octavo_configuration_set_request>, _ reply: EmptyReply) throws(PluginError) {
        try using { (table) throws(PluginError) in try table.set(request.pointee.items) }
        watcher?.look()
        reply.done()
    }

    override func remove(_ request: UnsafePointer<octavo_configuration_keys_request>, _ reply: EmptyReply) throws(PluginError) {
        try using { (table) throws(PluginError) in try table.remove(request.pointee.keys) }
        watcher?.look()
        reply.done()
    }

    override func watch(_ request: UnsafePointer<octavo_configuration_watch_request>, _ reply: EmptyReply) throws(PluginError) {
        guard let watcher else { throw notStarted }
        try watcher.add(
            Source(request.pointee.source), WatchedKeys(request.pointee.keys),
            sendsPresent: request.pointee.flags & OCTAVO_CONFIGURATION_SEND_PRESENT != 0)
        reply.done()
    }

    override func unwatch(_ source: Source, _ reply: EmptyReply) throws(PluginError) {
        watcher?.remove(source)
        reply.done()
    }

    private var notStarted: PluginError {
        PluginError(OCTAVO_CODE_UNAVAILABLE, "The store is not started.", flags: OCTAVO_ERROR_RETRYABLE)
    }

    private func using<Answer>(_ body: (ConfigurationTable) throws(PluginError) -> Answer) throws(PluginError) -> Answer {
        let outcome: Result<Answer, PluginError> = monitor.with {
            guard let table else { return .failure(notStarted) }
            do throws(PluginError) { return .success(try body(table)) } catch { return .failure(error) }
        }
        return try outcome.get()
    }
}
