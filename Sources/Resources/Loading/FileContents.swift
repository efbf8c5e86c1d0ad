import Glibc

/// Whole files and folders, with the system's reason when they can't be read.
enum FileContents {
    /// Why a file or folder could not be read.
    struct Failure: Error {
        let reason: String

        init(_ reason: String) { self.reason = reason }

        init(errno code: Int32) { reason = String(cString: strerror(code)) }
    }

    /// The bytes of a regular file, or an error when there are more than `limit`.
    static func read(_ path: String, limit: Int) throws(Failure) -> [UInt8] {
        // A pipe without a writer must not hold up the start.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw Failure(errno: errno) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw Failure(errno: errno) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw Failure("it is no regular file") }
        var bytes: [UInt8] = []
        while bytes.count <= limit {
            // One byte beyond the size tells the end apart from a file that grows.
            let wanted = max(Int(status.st_size) + 1 - bytes.count, 4096)
            var code: Int32 = 0
            let piece = [UInt8](unsafeUninitializedCapacity: min(wanted, limit + 1)) { buffer, count in
                let result = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
                code = result < 0 ? errno : 0
                count = max(result, 0)
            }
            if code == EINTR { continue }
            guard code == 0 else { throw Failure(errno: code) }
            if piece.isEmpty { return bytes }
            bytes += piece
        }
        throw Failure("it has more than \(limit) bytes; split it up")
    }

    static func isFolder(_ path: String) throws(Failure) -> Bool {
        var status = stat()
        guard stat(path, &status) == 0 else { throw Failure(errno: errno) }
        return status.st_mode & S_IFMT == S_IFDIR
    }

    /// When a file was last written, nanoseconds since 1970, and its bytes; nil when it can't be looked at.
    static func written(_ path: String) -> (time: Int64, size: Int)? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        return (Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec), Int(status.st_size))
    }

    static func wallNanoseconds() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    /// Names in a folder, in the order of their bytes, so that a load is the same everywhere.
    static func names(in folder: String) throws(Failure) -> [String] {
        guard let stream = opendir(folder) else { throw Failure(errno: errno) }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }
}
