import ConfigFilePluginNative
import PluginKit

/// `configuration.file`. On the instance's reactor thread. The kernel tells when a file of the folder was written and
/// closed, or was moved or linked there: a file that is still being written is not read.
final class FileConfiguration: ConfigurationStore {
    /// How long to wait where the folder itself is gone.
    private static let retry: Int64 = 1_000_000_000

    private let file: ItemFile
    private var items: [ConfigurationItem] = []
    private var version = FileVersion()
    /// Why the newest version of the file can't be used.
    private var problem: PluginError?
    private var watches: [(source: Source, keys: WatchedKeys)] = []
    private var descriptor: Int32 = -1
    private var watch: Watch!
    private var timer: Timer!

    init(_ config: Config, _ instance: Instance) {
        file = ItemFile(config)
        super.init(instance, Features(OCTAVO_CONFIGURATION_WATCH))
        watch = Watch(instance) { [unowned(unsafe) self] _ in self.happened() }
        timer = Timer(instance) { [unowned(unsafe) self] in self.follow() }
    }

    // MARK: Life

    override func start(_ call: Call) throws(PluginError) {
        // First the folder, then the file: what changes in between is seen.
        follow()
        if let problem {
            unfollow()
            throw problem
        }
        call.done()
    }

    override func stop(_ call: Call) throws(PluginError) {
        unfollow()
        watches = []
        version = FileVersion()
        call.done()
    }

    override func health(_ call: Call) throws(PluginError) {
        refresh()
        if let problem { throw problem }
        call.done()
    }

    private func follow() {
        descriptor = config_file_watch(file.folder)
        if descriptor < 0 || !watch.add(descriptor, OCTAVO_EVENT_READABLE) {
            let why = PluginError.text(ofErrno: plugin_kit_errno())
            unfollow()
            problem = PluginError(
                OCTAVO_CODE_FAILED_PRECONDITION,
                "The folder of the configuration file \(file.name) can't be watched: \(why). It is tried again.")
            timer.set(after: Self.retry)
            return
        }
        refresh()
    }

    private func unfollow() {
        timer.cancel()
        watch.remove()
        if descriptor >= 0 { close(descriptor) }
        descriptor = -1
    }

    private func happened() {
        let found = config_file_drain(descriptor, file.lastName)
        if found & CONFIG_FILE_GONE != 0 {
            unfollow()
            return follow()
        }
        // Two versions of one size may bear the same time. What another name does to it (a link that the path goes
        // through) makes it another file.
        if found & CONFIG_FILE_NAMED != 0 { version = FileVersion() }
        refresh()
    }

    /// Reads the file if it is another one than before, and tells of what has changed. One that is broken or gone leaves
    /// what was read last.
    private func refresh() {
        let fresh: [ConfigurationItem]
        do throws(PluginError) {
            let now = try file.version()
            if now == version, problem == nil { return }
            fresh = try file.items()
            version = now
            if problem != nil { instance.reportHealth(.healthy, "the file was read") }
            problem = nil
        } catch {
            if problem == nil {
                instance.warn(error.message)
                instance.reportHealth(.degraded, error.message)
            }
            problem = error
            return
        }
        let changes = ConfigurationItem.changes(from: items, to: fresh)
        items = fresh
        for watch in watches {
            let own = watch.keys.select(changes)
            if !own.isEmpty { ConfigurationItem.withABI(own) { _ = watch.source.deliver($0) } }
        }
    }

    // MARK: Operations

    override func get(_ request: UnsafePointer<octavo_configuration_keys_request>, _ reply: ItemsReply) throws(PluginError) {
        ConfigurationItem.withABI(WatchedKeys(request.pointee.keys).select(items)) { reply.items($0) }
    }

    override func watch(_ request: UnsafePointer<octavo_configuration_watch_request>, _ reply: EmptyReply) throws(PluginError) {
        let source = Source(request.pointee.source), keys = WatchedKeys(request.pointee.keys)
        watches.append((source, keys))
        if request.pointee.flags & OCTAVO_CONFIGURATION_SEND_PRESENT != 0 {
            ConfigurationItem.withABI(keys.select(items)) { _ = source.deliver($0, isPresent: true) }
        }
        reply.done()
    }

    override func unwatch(_ source: Source, _ reply: EmptyReply) throws(PluginError) {
        watches.removeAll { $0.source == source }
        reply.done()
    }
}
