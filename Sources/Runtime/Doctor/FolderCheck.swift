import AdminAPI
import Components
import Glibc

/// Whether the runtime can keep its files.
enum FolderCheck {
    /// Makes a folder for a moment in the data folder, or in the one that it would be made in: rights alone don't tell.
    static func findings(_ folder: String) -> [DoctorFinding] {
        guard let cause = problem(folder) else { return [] }
        return [
            DoctorFinding(
                severity: .error, subject: "data folder \(folder)",
                cause: "The runtime can't keep its files there: \(cause).",
                remedy: "Give the runtime's user the right to write there, or another folder with --data-dir.")
        ]
    }

    /// Why the folder can't be used; nil when it can.
    static func problem(_ folder: String) -> String? {
        var place = folder
        var status = stat()
        while stat(place, &status) != 0 {
            guard errno == ENOENT || errno == ENOTDIR, place != "/", place != "." else {
                return "it can't be looked at: \(systemError(errno))"
            }
            place = parent(of: place)
        }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            return place == folder ? "it is a file" : "\(place) is a file"
        }
        var probe = Array("\(place)/.octavo-doctor-XXXXXX".utf8CString)
        guard probe.withUnsafeMutableBufferPointer({ mkdtemp($0.baseAddress!) }) != nil else {
            let what = place == folder ? "it can't be written" : "it can't be made in \(place)"
            return "\(what): \(systemError(errno))"
        }
        rmdir(probe)
        return nil
    }

    private static func parent(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}
