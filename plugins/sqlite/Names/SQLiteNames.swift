import PluginKit

/// `nameresolution.sqlite`: the runtimes of one machine find each other in a database file. One thread at a time; another
/// renews what is advertised.
final class SQLiteNames: NameResolver {
    static let offered = OCTAVO_NAMES_ADVERTISE

    static var fields: [Field] {
        Settings.shared(file: "names.db", table: "hosts") + [
            .duration("updateInterval", default: "5s", "How often this instance says that it lives. Others forget it after three times that."),
            .duration("cleanupInterval", default: "1h", "How often rows of instances that have gone are deleted; 0 = never."),
        ]
    }

    private let settings: Settings
    private let interval: Int64
    private let monitor = Monitor()
    // Behind `monitor`.
    private var table: HostsTable?
    private var own: [NameInstance] = []
    private var isStopping = false
    private var thread: OwnThread?

    init(_ settings: Settings, _ config: Config, _ instance: Instance) throws(PluginError) {
        try settings.requireFile()
        self.settings = settings
        interval = max(config.duration("updateInterval") ?? 5_000_000_000, 1_000_000_000)
        super.init(instance, Features(Self.offered))
    }

    private static var now: Int64 { plugin_kit_wall() / 1_000_000_000 }

    override func start(_ call: Call) throws(PluginError) {
        table = try HostsTable(settings)
        thread = OwnThread.start(name: "sqlite-names") { [unowned(unsafe) self] in self.renew() }
        guard thread != nil else {
            table = nil
            throw PluginError(OCTAVO_CODE_RESOURCE_EXHAUSTED, "There is no thread to renew what is advertised.")
        }
        call.done()
    }

    override func stop(_ call: Call) throws(PluginError) {
        let thread = monitor.with {
            isStopping = true
            monitor.wakeAll()
            return self.thread
        }
        thread?.join()
        monitor.with {
            // Whoever reads finds nobody who does not answer any more.
            for host in own { do throws(PluginError) { try table?.delete(host) } catch {} }
            own = []
            table = nil
        }
        call.done()
    }

    override func health(_ call: Call) throws(PluginError) {
        try answer { (table) throws(PluginError) in try table.check() }
        call.done()
    }

    override func resolve(_ request: UnsafePointer<octavo_names_resolve_request>, _ reply: NamesReply) throws(PluginError) {
        let lifetime = interval
        let oldest = Self.now - 3 * (interval / 1_000_000_000) - 1
        let texts = try answer { (table) throws(PluginError) in
            try table.addresses(request.pointee.app_id, request.pointee.name_space, after: oldest)
        }
        reply.answer(texts.compactMap { text in text.withUnsafeBytes { NameAddress(Str($0)) } }, lifetime: lifetime)
    }

    override func advertise(_ request: UnsafePointer<octavo_names_advertise_request>, _ call: Call) throws(PluginError) {
        let host = try NameInstance(request.pointee)
        try answer { (table) throws(PluginError) in
            try table.write(host, now: Self.now)
            own.removeAll { $0.name == host.name }
            own.append(host)
        }
        call.done()
    }

    override func withdraw(_ request: UnsafePointer<octavo_names_advertise_request>, _ call: Call) throws(PluginError) {
        let host = try NameInstance(request.pointee)
        try answer { (table) throws(PluginError) in
            own.removeAll { $0.name == host.name }
            try table.delete(host)
        }
        call.done()
    }

    private func renew() {
        var nextSweep = plugin_kit_monotonic()
        monitor.with {
            while !isStopping {
                monitor.wait(atMost: interval)
                if isStopping { return }
                do throws(PluginError) {
                    for host in own { try table?.write(host, now: Self.now) }
                    if settings.cleanupInterval > 0, plugin_kit_monotonic() >= nextSweep {
                        nextSweep = plugin_kit_monotonic() + settings.cleanupInterval
                        try table?.deleteOlder(than: Self.now - 10 * (interval / 1_000_000_000) - 60)
                    }
                } catch {
                    instance.log(OCTAVO_LOG_WARNING, "what is advertised was not renewed: \(error.message)")
                }
            }
        }
    }

    /// Runs `body` with the table, alone. Its call is completed after that: the lock must not be held then.
    private func answer<Answer>(_ body: (HostsTable) throws(PluginError) -> Answer) throws(PluginError) -> Answer {
        let outcome: Result<Answer, PluginError> = monitor.with {
            guard let table else {
                return .failure(
                    PluginError(OCTAVO_CODE_UNAVAILABLE, "The resolver is not started.", flags: OCTAVO_ERROR_RETRYABLE))
            }
            do throws(PluginError) { return .success(try body(table)) } catch { return .failure(error) }
        }
        return try outcome.get()
    }
}
