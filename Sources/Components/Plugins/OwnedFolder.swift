import Glibc

/// A new folder that belongs to this process for as long as it lives: a lock on it ends with the process, however that
/// ends. Numbers of processes come again, and are the same in each container; locks are neither.
final class OwnedFolder: Sendable {
    let path: String
    private let descriptor: Int32

    /// Makes a folder in `parent`, whose name begins with the process's number, for people to read.
    init(in parent: String) throws(PluginError) {
        // Whoever cleans up may take it away between its making and its locking: then it is made again.
        for _ in 0..<100 {
            var template = Array("\(parent)/\(getpid())-XXXXXX".utf8CString)
            guard let made = template.withUnsafeMutableBufferPointer({ mkdtemp($0.baseAddress!) }) else {
                throw .staging(path: parent, cause: systemError(errno))
            }
            let path = String(cString: made)
            let descriptor = OwnedFolder.open(path)
            guard descriptor >= 0 else {
                if errno == ENOENT { continue }
                throw .staging(path: path, cause: systemError(errno))
            }
            // A file system without locks keeps the folder from nobody, which is what it would do without this.
            let isTaken = flock(descriptor, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK
            if !isTaken, OwnedFolder.isThere(path, descriptor) {
                self.path = path
                self.descriptor = descriptor
                return
            }
            close(descriptor)
        }
        throw .staging(path: parent, cause: "another process removes what is made there")
    }

    deinit { close(descriptor) }

    /// Removes the folders in `parent` whose owners have gone, after `body` has seen them; nobody else sees them then.
    static func removeAbandoned(in parent: String, _ body: (String) -> Void = { _ in }) {
        for name in listFolder(parent) ?? [] {
            let path = parent + "/" + name
            let descriptor = open(path)
            guard descriptor >= 0 else { continue }
            // Held until the folder is gone.
            if flock(descriptor, LOCK_EX | LOCK_NB) == 0, isThere(path, descriptor) {
                body(path)
                remove(path)
            }
            close(descriptor)
        }
    }

    /// Removes a folder with all that is in it.
    static func remove(_ path: String) {
        for name in listFolder(path) ?? [] {
            let inner = path + "/" + name
            if unlink(inner) != 0 { remove(inner) }
        }
        rmdir(path)
    }

    private static func open(_ path: String) -> Int32 {
        Glibc.open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    }

    private static func isThere(_ path: String, _ descriptor: Int32) -> Bool {
        var named = stat()
        var held = stat()
        return lstat(path, &named) == 0 && fstat(descriptor, &held) == 0 && named.st_ino == held.st_ino
    }
}
