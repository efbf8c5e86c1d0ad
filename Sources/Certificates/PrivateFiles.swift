#if canImport(Glibc)
    import Glibc
#endif

/// Files that are whole or not there, and that others may not read.
enum PrivateFiles {
    /// Writes `bytes` beside `path` and moves it there.
    static func write(_ bytes: [UInt8], to path: String, mode: mode_t) throws(CertificateError) {
        let temporary = "\(path).\(getpid()).new"
        unlink(temporary)
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode)
        guard descriptor >= 0 else { throw failed("write", path) }
        // The umask may have taken rights away; it has given none.
        fchmod(descriptor, mode)
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                let error = failed("write", path)
                close(descriptor)
                unlink(temporary)
                throw error
            }
            rest = rest.dropFirst(count)
        }
        let isSafe = fsync(descriptor) == 0
        close(descriptor)
        guard isSafe, rename(temporary, path) == 0 else {
            let error = failed("write", path)
            unlink(temporary)
            throw error
        }
    }

    /// Makes the folder and those that it is in, for their owner alone, unless they are there.
    static func makeFolder(_ path: String) throws(CertificateError) {
        var done = mkdir(path, 0o700) == 0
        if !done, errno == ENOENT, let slash = path.lastIndex(of: "/"), slash != path.startIndex {
            try makeFolder(String(path[..<slash]))
            done = mkdir(path, 0o700) == 0
        }
        if done { return }
        let cause = errno
        var status = stat()
        guard cause == EEXIST, stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
            throw CertificateError("Can't make the folder \(path): \(String(cString: strerror(cause))).")
        }
    }

    static func remove(_ path: String) { unlink(path) }

    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    private static func failed(_ what: String, _ path: String) -> CertificateError {
        CertificateError("Can't \(what) \(path): \(String(cString: strerror(errno))).")
    }
}
