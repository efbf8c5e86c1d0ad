import Glibc

/// An open file that may be a plugin: a regular one that nobody else can have put there.
struct PluginFile: ~Copyable {
    let path: String
    let identity: FileIdentity
    private let descriptor: Int32

    static let largest = 512 << 20
    private static let block = 64 << 10

    /// Opens the file and looks at whose it is.
    init(path: String) throws(PluginError) {
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw .unreadable(path: path, cause: systemError(errno)) }
        var status = stat()
        let problem: PluginError? =
            fstat(descriptor, &status) == 0
            ? PluginFile.problem(path, status) : .unreadable(path: path, cause: systemError(errno))
        if let problem {
            close(descriptor)
            throw problem
        }
        self.path = path
        self.descriptor = descriptor
        identity = FileIdentity(status)
    }

    deinit { close(descriptor) }

    private static func problem(_ path: String, _ status: stat) -> PluginError? {
        guard status.st_mode & S_IFMT == S_IFREG else { return .notRegular(path: path) }
        guard status.st_mode & S_IWOTH == 0 else {
            return .writableByOthers(path: path, mode: String(status.st_mode & 0o7777, radix: 8))
        }
        guard status.st_uid == 0 || status.st_uid == geteuid() else {
            return .foreignOwner(path: path, owner: status.st_uid)
        }
        guard status.st_mode & (S_IRUSR | S_IRGRP | S_IROTH) != 0 else {
            return .unreadable(path: path, cause: "nobody has the right to read it")
        }
        guard status.st_size > 0 else { return .empty(path: path) }
        return status.st_size <= largest ? nil : .tooBig(path: path, bytes: status.st_size)
    }

    /// The file up to the end of what the loader maps: all that inspection looks at. What comes after it, most of a
    /// plugin with debug information, is not read.
    func loadedPart() throws(PluginError) -> [UInt8] {
        var bytes = try read(min(PluginFile.block, identity.size))
        let end = min(ELFFile.endOfSegments(bytes) ?? 0, identity.size)
        if end > bytes.count { bytes += try read(end - bytes.count, from: bytes.count) }
        return bytes
    }

    /// Copies the whole file to a descriptor that is open for writing. Returns an error number of writing, 0 for none.
    func copy(to target: Int32) throws(PluginError) -> Int32 {
        var failure: Int32 = 0
        try forEachBlock { block in
            var written = 0
            while written < block.count, failure == 0 {
                let count = Glibc.write(target, block.baseAddress.unsafelyUnwrapped + written, block.count - written)
                if count < 0, errno == EINTR { continue }
                if count > 0 { written += count } else { failure = errno }
            }
        }
        return failure
    }

    /// The whole file, a block after the other.
    func forEachBlock(_ body: (UnsafeRawBufferPointer) -> Void) throws(PluginError) {
        var done = 0
        while done < identity.size {
            let bytes = try read(min(PluginFile.block, identity.size - done), from: done)
            if bytes.isEmpty { break }
            bytes.withUnsafeBytes(body)
            done += bytes.count
        }
    }

    /// So many bytes, or fewer when the file has become shorter.
    private func read(_ count: Int, from offset: Int = 0) throws(PluginError) -> [UInt8] {
        var failure: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, done in
            while done < count {
                let got = pread(descriptor, buffer.baseAddress.unsafelyUnwrapped + done, count - done, offset + done)
                if got < 0, errno == EINTR { continue }
                if got < 0 { failure = errno }
                if got <= 0 { return }
                done += got
            }
        }
        guard failure == 0 else { throw .unreadable(path: path, cause: systemError(failure)) }
        return bytes
    }
}
