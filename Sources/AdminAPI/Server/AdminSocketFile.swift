import Glibc

/// The file of the admin socket and the folder around it: nobody but their owner gets in.
enum AdminSocketFile {
    /// Makes the folder of `path` if it is not there, and refuses one that others could tamper with.
    static func prepareFolder(of path: String) throws(AdminError) {
        guard path.utf8.count <= AdminSocket.longestPath else {
            throw AdminError(
                .invalid,
                "The path of the admin socket is too long: \(path) has \(path.utf8.count) bytes, the most is "
                    + "\(AdminSocket.longestPath). Give a shorter one with --admin-socket.")
        }
        guard let slash = path.lastIndex(of: "/") else { return }
        let folder = slash == path.startIndex ? "/" : String(path[..<slash])
        if mkdir(folder, 0o700) == 0 { return }
        guard errno == EEXIST else {
            throw AdminError(
                .unavailable,
                "The folder \(folder) of the admin socket can't be made: \(String(cString: strerror(errno))). Make it, "
                    + "or give another socket with --admin-socket.")
        }
        try check(folder)
    }

    /// Lets the owner alone connect to the socket at `path` (unix(7): connecting takes the right to write).
    static func restrict(_ path: String) throws(AdminError) {
        guard chmod(path, 0o600) == 0 else {
            let cause = String(cString: strerror(errno))
            throw AdminError(.unavailable, "The admin socket \(path) can't be kept from others: \(cause).")
        }
    }

    private static func check(_ folder: String) throws(AdminError) {
        var status = stat()
        guard stat(folder, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
            throw AdminError(.unavailable, "\(folder), which should hold the admin socket, is no folder.")
        }
        guard status.st_uid == geteuid() || status.st_uid == 0 else {
            throw AdminError(
                .forbidden,
                "The folder \(folder) of the admin socket belongs to another user, who could put a socket of his own "
                    + "there. Give another socket with --admin-socket.")
        }
        // In a folder with the sticky bit, such as /tmp, others can't replace what they don't own.
        let isOpen = status.st_mode & 0o022 != 0
        guard !isOpen || status.st_mode & S_ISVTX != 0 else {
            throw AdminError(
                .forbidden,
                "Others may write to the folder \(folder) of the admin socket, and so replace it. Run `chmod go-w "
                    + "\(folder)`, or give another socket with --admin-socket.")
        }
    }
}
