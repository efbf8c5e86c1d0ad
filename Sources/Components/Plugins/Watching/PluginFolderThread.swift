import Glibc
import Logging

/// The thread of a `PluginFolderWatch`: which folders it watches, and what the kernel says of them.
///
/// Sendable: made by one thread and handed to another, which alone uses it from then on.
final class PluginFolderThread: @unchecked Sendable {
    private struct Place {
        var path: String
        /// The plugin whose own folder it is; `nil` for a folder of plugins.
        var plugin: String?
    }

    private static let files = IN_MODIFY | IN_CLOSE_WRITE | IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE
    private let descriptor: Int32
    private let stop: Int32
    private var isStopped = false
    private let logger: Logger
    private let changes: AsyncStream<String>.Continuation
    private var places: [Int32: Place] = [:]
    private var seen: PluginFileChanges

    init(descriptor: Int32, stop: Int32, quiet: Duration, logger: Logger, changes: AsyncStream<String>.Continuation) {
        self.descriptor = descriptor
        self.stop = stop
        self.logger = logger
        self.changes = changes
        seen = PluginFileChanges(quiet: Int64(quiet / .nanoseconds(1)))
    }

    func end() {
        close(descriptor)
        changes.finish()
    }

    static func warn(_ logger: Logger, _ folder: String, _ error: Int32) {
        logger.warning(
            "a plugins folder is not watched; take new builds in with `octavo plugin reload`",
            metadata: ["folder": "\(folder)", "cause": "\(cause(error))"])
    }

    /// The limits have names that the system's own text does not tell.
    private static func cause(_ error: Int32) -> String {
        switch error {
        case ENOSPC: "the user has no inotify watch left; raise the sysctl fs.inotify.max_user_watches"
        case EMFILE: "the user has no inotify instance or the process no descriptor left; raise the sysctl "
            + "fs.inotify.max_user_instances or the limit of open files"
        default: systemError(error)
        }
    }

    // MARK: Folders

    /// False when none can be watched.
    func watch(_ folders: [String]) -> Bool {
        for folder in folders {
            let number = inotify_add_watch(descriptor, folder, UInt32(Self.files | IN_ONLYDIR | IN_DELETE_SELF | IN_MOVE_SELF))
            guard number >= 0 else {
                Self.warn(logger, folder, errno)
                continue
            }
            places[number] = Place(path: folder)
            for name in listFolder(folder) ?? [] { watchFolder(name, in: folder) }
        }
        return !places.isEmpty
    }

    /// A plugin may have a folder of its own. True when that name is a folder.
    @discardableResult
    private func watchFolder(_ name: String, in folder: String) -> Bool {
        if name.hasPrefix(".") || name.hasSuffix(".so") { return false }
        let path = folder + "/" + name
        let number = inotify_add_watch(descriptor, path, UInt32(Self.files | IN_ONLYDIR))
        if number >= 0 {
            places[number] = Place(path: path, plugin: path + "/" + name + ".so")
            return true
        }
        if errno != ENOTDIR, errno != ENOENT { Self.warn(logger, path, errno) }
        return false
    }

    /// Everything may have changed: the kernel has dropped events.
    private func lookAgain(_ now: Int64) {
        for place in places.values where place.plugin == nil {
            for name in listFolder(place.path) ?? [] where !name.hasPrefix(".") {
                let path = place.path + "/" + name
                if name.hasSuffix(".so") {
                    seen.saw(.whole, path, of: path, at: now)
                } else if watchFolder(name, in: place.path) {
                    seen.saw(.whole, path, of: path + "/" + name + ".so", at: now)
                }
            }
        }
    }

    // MARK: Events

    func run() {
        let size = 16 << 10
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 8)
        defer {
            buffer.deallocate()
            end()
        }
        while !isStopped {
            var waited = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            let pause = seen.nextDue.map { Int32(clamping: max(0, $0 - monotonicNanoseconds()) / 1_000_000 + 1) } ?? -1
            _ = poll(&waited, 1, pause)
            let count = read(descriptor, buffer.baseAddress, size)
            let now = monotonicNanoseconds()
            if count > 0 { each(UnsafeRawBufferPointer(rebasing: buffer[..<count]), now) }
            for path in seen.settled(at: now) { changes.yield(path) }
        }
    }

    /// `inotify_event` is watch, mask, cookie, length of the name that follows, padded with NUL.
    private func each(_ bytes: UnsafeRawBufferPointer, _ now: Int64) {
        let head = MemoryLayout<inotify_event>.size
        var offset = 0
        while offset + head <= bytes.count {
            let event = bytes.loadUnaligned(fromByteOffset: offset, as: inotify_event.self)
            let end = min(offset + head + Int(event.len), bytes.count)
            let name = String(decoding: bytes[(offset + head)..<end].prefix { $0 != 0 }, as: UTF8.self)
            happened(event.wd, Int32(bitPattern: event.mask), name, now)
            offset = end
        }
    }

    private func happened(_ number: Int32, _ mask: Int32, _ name: String, _ now: Int64) {
        if mask & IN_Q_OVERFLOW != 0 { return lookAgain(now) }
        if number == stop, mask & IN_IGNORED != 0 { isStopped = true }
        guard let place = places[number] else { return }
        if mask & (IN_IGNORED | IN_DELETE_SELF | IN_MOVE_SELF) != 0 {
            places[number] = nil
            guard place.plugin == nil else { return }
            logger.warning(
                "a plugins folder was removed or renamed and is no longer watched; restart the runtime to watch its successor",
                metadata: ["folder": "\(place.path)"])
            return
        }
        let path = place.path + "/" + name
        if let plugin = place.plugin {
            if PluginStaging.isLibrary(name) { seen.saw(sight(mask, path), path, of: plugin, at: now) }
        } else if name.hasPrefix(".") {
            // Hidden: what is to become a plugin when it is whole, as rsync writes it.
        } else if name.hasSuffix(".so") {
            seen.saw(sight(mask, path), path, of: path, at: now)
        } else if mask & (IN_CREATE | IN_MOVED_TO) != 0, watchFolder(name, in: place.path) {
            // It may have come with its files, or they may have been written before it was watched.
            seen.saw(.whole, path, of: path + "/" + name + ".so", at: now)
        } else if mask & (IN_DELETE | IN_MOVED_FROM) != 0, let own = places.first(where: { $0.value.path == path }) {
            inotify_rm_watch(descriptor, own.key)
            places[own.key] = nil
            seen.forgetWriters(of: path + "/" + name + ".so")
            seen.saw(.gone, path, of: path + "/" + name + ".so", at: now)
        }
    }

    private func sight(_ mask: Int32, _ path: String) -> PluginFileChanges.Sight {
        if mask & (IN_CLOSE_WRITE | IN_MOVED_TO) != 0 { return .whole }
        if mask & (IN_DELETE | IN_MOVED_FROM) != 0 { return .gone }
        if mask & IN_CREATE != 0 {
            // Links are whole at once; nobody closes them.
            var status = stat()
            if lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFLNK || status.st_nlink > 1 { return .whole }
        }
        return .changing
    }
}
