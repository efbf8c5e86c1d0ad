import Components
import Glibc
import Logging
import Resources
import COctavoHost

/// Tells when resource files may have changed. A thread of its own waits for the kernel's word (inotify) on the folders
/// and on the folders that those are in; what it says counts when nobody writes to a file any more and nothing has
/// happened for a while. Once a minute it tells, too: not every file system speaks, nor every target of a link.
final class ResourceWatch: Sendable {
    /// Once for many changes at a time. Ends with the watch.
    let changes: AsyncStream<Void>
    private let stop: Int32
    private let descriptor: Int32

    /// Watches from now on; `nil`, with a line in the log, when there is no inotify to be had.
    init?(paths: [String], logger: Logger) {
        let descriptor = inotify_init1(Int32(IN_NONBLOCK | IN_CLOEXEC))
        let stop = descriptor < 0 ? -1 : inotify_add_watch(descriptor, "/", UInt32(IN_DELETE_SELF))
        guard stop >= 0 else {
            logger.warning(
                "resource files are not watched; have changes taken in by `octavo resources reload`",
                metadata: ["cause": "\(systemError(errno))"])
            if descriptor >= 0 { close(descriptor) }
            return nil
        }
        self.descriptor = descriptor
        self.stop = stop
        let (changes, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        self.changes = changes
        let thread = Unmanaged.passRetained(
            ResourceWatchThread(paths: paths, descriptor: descriptor, stop: stop, logger: logger, changes: continuation))
        let failed = octavo_thread_detached(
            "oct-resources", { Unmanaged<ResourceWatchThread>.fromOpaque($0.unsafelyUnwrapped).takeRetainedValue().run() },
            thread.toOpaque())
        guard failed == 0 else {
            logger.warning(
                "resource files are not watched; have changes taken in by `octavo resources reload`",
                metadata: ["cause": "\(systemError(failed))"])
            close(descriptor)
            thread.release()
            return nil
        }
    }

    /// Ends the thread and the stream.
    deinit { inotify_rm_watch(descriptor, stop) }
}

/// The thread of a `ResourceWatch`.
final class ResourceWatchThread {
    private struct Place {
        var path: String
        /// A name in it that counts; `nil`: those of resource files.
        var name: String?
    }

    private static let mask = IN_MODIFY | IN_CLOSE_WRITE | IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE
    private static let quiet: Int64 = 150_000_000
    private static let sweep: Int64 = 60_000_000_000
    /// Somebody who has a file open and writes nothing more has forgotten it.
    private static let longestWrite: Int64 = 10_000_000_000

    private let paths: [String]
    private let descriptor: Int32
    private let stop: Int32
    private let logger: Logger
    private let changes: AsyncStream<Void>.Continuation
    /// One watch of the kernel may be that of a folder and of what is in it.
    private var places: [Int32: [Place]] = [:]
    private var open: Set<String> = []
    /// What has changed since the files were first read is not known: they are looked at once.
    private var due: Int64? = monotonicNanoseconds() + ResourceWatchThread.quiet
    private var nextSweep = monotonicNanoseconds() + ResourceWatchThread.sweep
    private var isStopped = false

    init(paths: [String], descriptor: Int32, stop: Int32, logger: Logger, changes: AsyncStream<Void>.Continuation) {
        self.paths = paths
        self.descriptor = descriptor
        self.stop = stop
        self.logger = logger
        self.changes = changes
        watchAll()
    }

    /// Folders come and go, and may be links to others: each is watched together with the one that it is in.
    private func watchAll() {
        for path in paths {
            var plain = path
            while plain.count > 1, plain.hasSuffix("/") { plain.removeLast() }
            let slash = plain.lastIndex(of: "/")
            let parent = slash.map { $0 == plain.startIndex ? "/" : String(plain[..<$0]) } ?? "."
            let name = slash.map { String(plain[plain.index(after: $0)...]) } ?? plain
            watch(parent, name)
            watch(plain, nil)
        }
    }

    private func watch(_ path: String, _ name: String?) {
        let number = inotify_add_watch(descriptor, path, UInt32(Self.mask | IN_ONLYDIR | IN_DELETE_SELF | IN_MOVE_SELF))
        guard number >= 0 else {
            // A path may be a file, or not be there yet: then the folder that it is in tells of it.
            if errno != ENOTDIR, errno != ENOENT {
                logger.warning("a folder of resources is not watched", metadata: ["folder": "\(path)", "cause": "\(systemError(errno))"])
            }
            return
        }
        let place = Place(path: path, name: name)
        if places[number]?.contains(where: { $0.path == path && $0.name == name }) != true { places[number, default: []].append(place) }
    }

    func run() {
        let size = 16 << 10
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 8)
        defer {
            buffer.deallocate()
            close(descriptor)
            changes.finish()
        }
        while !isStopped {
            var waited = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            let until = min(due ?? .max, nextSweep) - monotonicNanoseconds()
            _ = poll(&waited, 1, Int32(clamping: max(0, until) / 1_000_000 + 1))
            let count = read(descriptor, buffer.baseAddress, size)
            let now = monotonicNanoseconds()
            if count > 0 { each(UnsafeRawBufferPointer(rebasing: buffer[..<count]), now) }
            if now >= nextSweep {
                nextSweep = now + Self.sweep
                watchAll()
                changes.yield()
            }
            if let due, due <= now {
                self.due = nil
                open = []
                changes.yield()
            }
        }
    }

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
        if mask & IN_Q_OVERFLOW != 0 {
            watchAll()
            due = now + Self.quiet
        }
        if number == stop, mask & IN_IGNORED != 0 { isStopped = true }
        guard let here = places[number] else { return }
        if mask & (IN_IGNORED | IN_DELETE_SELF | IN_MOVE_SELF) != 0 {
            places[number] = nil
            if mask & IN_IGNORED == 0 { inotify_rm_watch(descriptor, number) }
            watchAll()
            due = now + Self.quiet
            return
        }
        for place in here { happened(place, mask, name, now) }
    }

    private func happened(_ place: Place, _ mask: Int32, _ name: String, _ now: Int64) {
        let file = place.path + "/" + name
        if let wanted = place.name {
            guard name == wanted || name == "..data" else { return }
            // It may be another folder now.
            if mask & (IN_CREATE | IN_MOVED_TO | IN_DELETE | IN_MOVED_FROM) != 0 {
                for number in places.filter({ $0.value.contains { $0.path != place.path && $0.name == nil } }).keys {
                    places[number]?.removeAll { $0.name == nil && $0.path.hasSuffix("/" + name) }
                    if places[number]?.isEmpty == true {
                        places[number] = nil
                        inotify_rm_watch(descriptor, number)
                    }
                }
                watchAll()
            }
        } else if !ResourceLoader.isResourceFile(name), name != "..data" {
            return
        }
        // Of links and folders nobody writes, nor of what came whole.
        let isWritten = mask & IN_MODIFY != 0 || mask & IN_CREATE != 0 && mask & IN_ISDIR == 0 && isPlainFile(file)
        if isWritten { open.insert(file) } else { open.remove(file) }
        due = now + (open.isEmpty ? Self.quiet : Self.longestWrite)
    }

    /// A second name of a file is whole.
    private func isPlainFile(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG && status.st_nlink == 1
    }
}
