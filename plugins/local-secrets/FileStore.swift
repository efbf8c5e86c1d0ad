import PluginKit

/// `secretstores.local.file`. On a worker thread: it reads the file when that has changed.
final class FileStore: SecretStore {
    /// A file of secrets that is bigger is a mistake.
    private static let maxSize = 16 << 20

    private struct Version: Equatable {
        var device: UInt64 = 0
        var number: UInt64 = 0
        var size: Int64 = 0
        var seconds: Int = 0
        var nanoseconds: Int = 0
    }

    private let path: [CChar]
    private let name: String
    private let separator: [UInt8]
    private let isMultiValued: Bool
    private let lock = Monitor()
    private var secrets: Secrets?
    private var version = Version()
    /// Why the newest version of the file can't be used.
    private var problem: PluginError?
    private var hasWarned = false

    init(_ config: Config, _ instance: Instance) {
        path = config.cString("secretsFile") ?? [0]
        name = config.string("secretsFile") ?? ""
        separator = config.text("nestedSeparator").array
        isMultiValued = config.flag("multiValued")
        super.init(instance, Features(OCTAVO_SECRET_BULK | OCTAVO_SECRET_MULTI_VALUE))
    }

    override func start(_ call: Call) throws(PluginError) {
        lock.with { refresh() }
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
        lock.with {
            secrets = nil
            version = Version()
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
        var status = stat()
        guard stat(path, &status) == 0 else {
            problem = unreadable(plugin_kit_errno())
            return
        }
        let now = Version(
            device: UInt64(status.st_dev), number: UInt64(status.st_ino), size: Int64(status.st_size),
            seconds: Int(status.st_mtim.tv_sec), nanoseconds: Int(status.st_mtim.tv_nsec))
        if now == version { return }
        if status.st_mode & 0o077 != 0, !hasWarned {
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

    private func unreadable(_ number: Int32) -> PluginError {
        PluginError(
            OCTAVO_CODE_FAILED_PRECONDITION,
            "The file of secrets \(name) can't be read: \(PluginError.text(ofErrno: number)). Check secretsFile.")
    }

    private func load() throws(PluginError) -> Secrets {
        let descriptor = plugin_kit_open(path)
        guard descriptor >= 0 else { throw unreadable(plugin_kit_errno()) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16 << 10)
        while true {
            let count = chunk.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
            if count < 0 {
                if plugin_kit_errno() == EINTR { continue }
                throw unreadable(plugin_kit_errno())
            }
            if count == 0 { break }
            bytes.append(contentsOf: chunk[..<count])
            guard bytes.count <= FileStore.maxSize else {
                throw .invalid("The file of secrets \(name) is bigger than 16 MiB.")
            }
        }
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
