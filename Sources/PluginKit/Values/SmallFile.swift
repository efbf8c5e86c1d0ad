/// By which one file is told from another that took its place, and from itself before it was written again.
public struct FileVersion: Equatable {
    private var device: UInt64 = 0
    private var number: UInt64 = 0
    private var size: Int64 = 0
    private var seconds = 0
    private var nanoseconds = 0
    /// Permissions and type, as `stat` has them. No part of what is compared.
    public private(set) var mode: UInt32 = 0

    /// Of no file.
    public init() {}

    /// Of what the path, ended by a NUL, leads to now; `nil`, and errno says why, when there is nothing.
    public init?(of path: [CChar]) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        device = UInt64(status.st_dev)
        number = UInt64(status.st_ino)
        size = Int64(status.st_size)
        seconds = Int(status.st_mtim.tv_sec)
        nanoseconds = Int(status.st_mtim.tv_nsec)
        mode = UInt32(status.st_mode)
    }

    public static func == (one: FileVersion, other: FileVersion) -> Bool {
        one.device == other.device && one.number == other.number && one.size == other.size && one.seconds == other.seconds
            && one.nanoseconds == other.nanoseconds
    }
}

/// Files that are read whole. Reading blocks for as long as a local disk does.
public enum SmallFile {
    /// All of the file at `path`, which is ended by a NUL. `what` and `hint` are for the error: "The `what` PATH can't be read: … `hint`".
    public static func read(_ path: [CChar], what: StaticString, limit: Int, hint: StaticString) throws(PluginError) -> [UInt8] {
        let descriptor = plugin_kit_open(path)
        guard descriptor >= 0 else { throw unreadable(path, what: what, hint: hint) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16 << 10)
        while true {
            let count = chunk.withUnsafeMutableBytes { fill($0, from: descriptor) }
            if count < 0 {
                if plugin_kit_errno() == EINTR { continue }
                throw unreadable(path, what: what, hint: hint)
            }
            if count == 0 { return bytes }
            bytes.append(contentsOf: chunk[..<count])
            guard bytes.count <= limit else {
                throw .invalid("The \(Str(what).string) \(name(path)) is bigger than \(limit >> 10) KiB.")
            }
        }
    }

    /// Calls `body` with the path of each file of a folder whose name does not begin with a point. `false`, and errno
    /// says why, when the folder can't be read.
    public static func forEach(in folder: String, _ body: (String) -> Void) -> Bool {
        withoutActuallyEscaping(body) { body in
            let visit = Visit(folder: folder, body: body)
            return folder.withCString {
                plugin_kit_folder(
                    $0,
                    { argument, name in
                        let visit = Unmanaged<Visit>.fromOpaque(argument!).takeUnretainedValue()
                        visit.body(visit.folder + "/" + String(cString: name))
                    }, Unmanaged.passUnretained(visit).toOpaque()) == 0
            }
        }
    }

    private final class Visit {
        let folder: String
        let body: (String) -> Void
        init(folder: String, body: @escaping (String) -> Void) {
            self.folder = folder
            self.body = body
        }
    }

    /// The error of a file that can't be read, by errno.
    public static func unreadable(_ path: [CChar], what: StaticString, hint: StaticString) -> PluginError {
        PluginError(
            OCTAVO_CODE_FAILED_PRECONDITION,
            "The \(Str(what).string) \(name(path)) can't be read: \(PluginError.text(ofErrno: plugin_kit_errno())). \(Str(hint).string)")
    }

    private static func name(_ path: [CChar]) -> String {
        String(decoding: path.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

/// Outside, where `read` is the C library's.
private func fill(_ room: UnsafeMutableRawBufferPointer, from descriptor: Int32) -> Int { read(descriptor, room.baseAddress, room.count) }

/// A short text in a file that somebody else writes anew now and then: a token. Read again when the file has changed; not by
/// two threads at once.
public final class FileText {
    private static let maxSize = 1 << 20

    private let path: [CChar]
    private let what: StaticString
    private let hint: StaticString
    private var version = FileVersion()
    private var text: [UInt8] = []

    /// `what` and `hint`: for errors, as of `SmallFile.read`.
    public init(_ path: String, what: StaticString, hint: StaticString) {
        self.path = path.utf8.map { CChar(bitPattern: $0) } + [0]
        self.what = what
        self.hint = hint
    }

    /// The text as it is now, without blanks and line ends around it. One that can't be read any more stays what it was.
    public func value() throws(PluginError) -> [UInt8] {
        guard let now = FileVersion(of: path) else {
            if !text.isEmpty { return text }
            throw SmallFile.unreadable(path, what: what, hint: hint)
        }
        if now == version, !text.isEmpty { return text }
        do throws(PluginError) {
            var found = try SmallFile.read(path, what: what, limit: FileText.maxSize, hint: hint)[...]
            while let last = found.last, last <= 0x20 { found = found.dropLast() }
            while let first = found.first, first <= 0x20 { found = found.dropFirst() }
            guard !found.isEmpty else {
                throw PluginError(OCTAVO_CODE_FAILED_PRECONDITION, "The \(Str(what).string) is empty. \(Str(hint).string)")
            }
            text = [UInt8](found)
            version = now
        } catch {
            if text.isEmpty { throw error }
        }
        return text
    }
}
