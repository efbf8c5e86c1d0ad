import COctavoIsolation
import Glibc

/// What of the system a search for control groups looks at and changes. Blocks on the system's files.
struct CgroupSystem: Sendable {
    /// A small file; `nil` when it can't be read.
    var read: @Sendable (String) -> String?
    /// Writes to a file that is there; 0, or an error number.
    var write: @Sendable (String, String) -> Int32
    var isWritable: @Sendable (String) -> Bool
    /// Whether it is a folder of a cgroup2 file system.
    var isGroup: @Sendable (String) -> Bool

    static let real = CgroupSystem(
        read: { path in
            let descriptor = open(path, O_RDONLY | O_CLOEXEC)
            guard descriptor >= 0 else { return nil }
            defer { close(descriptor) }
            var bytes: [UInt8] = []
            var buffer = [UInt8](repeating: 0, count: 16 << 10)
            // A machine with many mounts has a long list of them.
            while bytes.count < 4 << 20 {
                let count = Glibc.read(descriptor, &buffer, buffer.count)
                if count < 0, errno == EINTR { continue }
                if count < 0 { return nil }
                if count == 0 { break }
                bytes += buffer[..<count]
            }
            return String(decoding: bytes, as: UTF8.self)
        },
        write: { path, text in
            let descriptor = open(path, O_WRONLY | O_CLOEXEC)
            guard descriptor >= 0 else { return errno }
            defer { close(descriptor) }
            return Glibc.write(descriptor, text, text.utf8.count) < 0 ? errno : 0
        },
        isWritable: { access($0, W_OK) == 0 },
        isGroup: { octavo_cgroup_is_folder($0) != 0 })

    /// Removes empty groups of runtimes that have not come to that.
    static func removeAbandoned(in folder: String) {
        for name in listFolder(folder) ?? [] {
            let parts = name.split(separator: "-")
            guard parts.count == 3, parts[0] == "octavo", let process = Int32(parts[1]), process > 0 else { continue }
            if kill(process, 0) != 0, errno == ESRCH { rmdir(folder + "/" + name) }
        }
    }
}

/// Where this process's group is.
enum CgroupPaths {
    /// The path of the process's group, `/` first, from the text of /proc/self/cgroup; `nil` without cgroup v2.
    static func own(_ text: String) -> String? {
        text.split(separator: "\n").first { $0.hasPrefix("0::/") }.map { String($0.dropFirst(3)) }
    }

    /// The folder of a group, from the text of /proc/self/mountinfo; `nil` when no mount shows it. Fields of a line: two
    /// numbers, device, root in the file system, mount point, options, …, `-`, type (proc_pid_mountinfo(5)).
    static func folder(of group: String, mounts: String) -> String? {
        for line in mounts.split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard fields.count > 6, let dash = fields.firstIndex(of: "-"), dash + 1 < fields.count, fields[dash + 1] == "cgroup2" else { continue }
            let root = unescaped(fields[3]), point = unescaped(fields[4])
            if root == "/" { return group == "/" ? point : point + group }
            if group == root { return point }
            if group.hasPrefix(root + "/") { return point + group.dropFirst(root.utf8.count) }
        }
        return nil
    }

    /// A space in a path is `\040` there.
    private static func unescaped(_ text: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "\\"), rest.count >= 3, let code = UInt8(String(decoding: rest.prefix(3), as: UTF8.self), radix: 8) {
                bytes.append(code)
                rest = rest.dropFirst(3)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
