import PluginKit

/// `secretstores.local.file`. On a worker thread: it reads the file when that has changed.
final class FileStore: SecretStore {
    /// A file of secrets that is bigger is a mistake.
    private static let maxSize = 16 << 20

    /// How often the file is looked at while somebody watches.
    private static let interval: Int64 = 500_000_000
    static let offered = OCTAVO_SECRET_BULK | OCTAVO_SECRET_MULTI_VALUE | OCTAVO_SECRET_ROTATION

    private let path: [CChar]
    private let name: String
    private let separator: [UInt8]
    private let isMultiValued: Bool
    private let lock = Monitor()
    private var secrets: Secrets?
    private var version = FileVersion()
    /// Why the newest version of the file can't be used.
    private var problem: PluginError?
    private var hasWarned = false
    /// Who watches: the names that it wants, and what was there when it was last told.
    private var watches: [(source: Source, names: [[UInt8]], known: Secrets?)] = []
    private var watcher: OwnThread?
    private var isStopping = false

    init(_ config: Config, _ instance: Instance) {
        path = config.cString("secretsFile") ?? [0]
        name = config.string("secretsFile") ?? ""
        separator = config.text("nestedSeparator").array
        isMultiValued = config.flag("multiValued")
        super.init(instance, Features(FileStore.offered))
    }

    override func start(_ call: Call) throws(PluginError) {
        lock.with {
            isStopping = false
            refresh()
        }
        if let problem { throw problem }
        call.done()
    }

    override func health(_ call: Call) throws(PluginError) {
        let problem = lock.with {
            refresh()
            return self.problem
        }
        if let problem { throw problem }
        call.done()
    }

    override func stop(_ call: Call) throws(PluginError) {
        let watcher = lock.with {
            isStopping = true
            watches = []
            lock.wakeAll()
            defer { self.watcher = nil }
            return self.watcher
        }
        watcher?.join()
        lock.with {
            secrets = nil
            version = FileVersion()
        }
        call.done()
    }

    override func get(_ request: UnsafePointer<octavo_secret_get_request>, _ reply: SecretReply) throws(PluginError) {
        let secrets = try present()
        guard let secret = secrets.find(request.pointee.name) else {
            throw PluginError(
                OCTAVO_CODE_NOT_FOUND, "The file \(name) has no secret of this name.", reason: "SECRET_NOT_FOUND")
        }
        secrets.pairs.withUnsafeBufferPointer {
            reply.pairs(UnsafeBufferPointer(rebasing: $0[secret.firstPair..<secret.firstPair + secret.pairCount]))
        }
    }

    override func bulkGet(_ request: UnsafePointer<octavo_secret_bulk_get_request>, _ reply: SecretsReply) throws(PluginError) {
        let secrets = try present()
        secrets.pairs.withUnsafeBufferPointer { pairs in
            var list: [octavo_secret] = []
            list.reserveCapacity(secrets.secrets.count)
            for secret in secrets.secrets {
                let own = UnsafeBufferPointer(rebasing: pairs[secret.firstPair..<secret.firstPair + secret.pairCount])
                list.append(octavo_secret(name: secret.name, pairs: octavo_list(own)))
            }
            list.withUnsafeBufferPointer { reply.secrets($0) }
        }
    }

    // MARK: Watching

    override func watch(_ request: UnsafePointer<octavo_secret_watch_request>, _ reply: EmptyReply) throws(PluginError) {
        let source = Source(request.pointee.source)
        var names: [[UInt8]] = []
        for index in 0..<Int(request.pointee.names.count) {
            names.append(request.pointee.names.at(index, as: octavo_str.self).pointee.array)
        }
        let isWatched = lock.with {
            if isStopping { return false }
            refresh()
            if watcher == nil { watcher = OwnThread.start(name: "octavo-secrets") { [self] in follow() } }
            guard watcher != nil else { return false }
            watches.append((source, names, secrets))
            lock.wakeAll()
            return true
        }
        guard isWatched else { throw PluginError(OCTAVO_CODE_RESOURCE_EXHAUSTED, "The file of secrets \(name) can't be watched: there is no thread for it.") }
        reply.done()
    }

    override func unwatch(_ source: Source, _ reply: EmptyReply) throws(PluginError) {
        lock.with { watches.removeAll { $0.source == source } }
        reply.done()
    }

    /// The thread of the watches: looks at the file while there are some, and tells of what has changed.
    private func follow() {
        while true {
            var news: [(source: Source, secret: SecretValue)] = []
            let goesOn = lock.with {
                if isStopping { return false }
                if watches.isEmpty { lock.wait() } else { lock.wait(atMost: FileStore.interval) }
                if isStopping { return false }
                if watches.isEmpty { return true }
                refresh()
                guard let secrets else { return true }
                for index in watches.indices where watches[index].known !== secrets {
                    for name in watches[index].names {
                        let now = secrets.value(name)
                        if !now.isSame(as: watches[index].known?.value(name) ?? SecretValue(name: name)) {
                            news.append((watches[index].source, now))
                        }
                    }
                    watches[index].known = secrets
                }
                return true
            }
            guard goesOn else { return }
            // Not under the lock: the runtime may want something.
            for one in news { one.source.deliver(one.secret) }
        }
    }

    /// The newest secrets that could be read.
    private func present() throws(PluginError) -> Secrets {
        let (secrets, problem) = lock.with {
            refresh()
            return (self.secrets, self.problem)
        }
        if let secrets { return secrets }
        throw problem ?? PluginError(OCTAVO_CODE_UNAVAILABLE, "The store is not started.")
    }

    /// Reads the file if it is another one than before. A file that is broken leaves what was read last.
    private func refresh() {
        guard let now = FileVersion(of: path) else {
            problem = SmallFile.unreadable(path, what: FileStore.what, hint: FileStore.hint)
            return
        }
        if now == version { return }
        if now.mode & 0o077 != 0, !hasWarned {
            hasWarned = true
            instance.warn("Others may read the file of secrets \(name). Forbid it: chmod 600 \(name)")
        }
        do throws(PluginError) {
            secrets = try load()
            problem = nil
        } catch {
            problem = error
            instance.warn(error.message)
        }
        version = now
    }

    private static let what: StaticString = "file of secrets"
    private static let hint: StaticString = "Check secretsFile."

    private func load() throws(PluginError) -> Secrets {
        let bytes = try SmallFile.read(path, what: FileStore.what, limit: FileStore.maxSize, hint: FileStore.hint)
        do throws(PluginError) { return try parse(bytes) } catch {
            throw .invalid("The file of secrets \(name) is no good JSON: \(error.message). The last good version stays in use, if there was one.")
        }
    }

    private func parse(_ bytes: [UInt8]) throws(PluginError) -> Secrets {
        let found = Secrets()
        var values: [(name: [UInt8], value: [UInt8])] = []
        var open: [UInt8]?
        var failure: PluginError?
        bytes.withUnsafeBytes { bytes in
            do throws(PluginError) {
                try JSONReader.read(bytes) { path, value in
                    guard self.isMultiValued else {
                        let name = self.join(path[...])
                        return found.add(name, [(name, value)])
                    }
                    if let present = open, present != path[0] {
                        found.add(present, values)
                        values = []
                    }
                    open = path[0]
                    values.append((path.count == 1 ? path[0] : self.join(path[1...]), value))
                }
            } catch { failure = error }
        }
        if let failure { throw failure }
        if let open { found.add(open, values) }
        return found
    }

    private func join(_ path: ArraySlice<[UInt8]>) -> [UInt8] {
        var name: [UInt8] = []
        for (index, part) in path.enumerated() {
            if index > 0 { name.append(contentsOf: separator) }
            name.append(contentsOf: part)
        }
        return name
    }
}
