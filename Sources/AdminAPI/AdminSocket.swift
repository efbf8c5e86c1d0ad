import Glibc

/// Where a runtime's admin socket is, so that its commands find it by the app id alone.
///
/// The place does not depend on the environment: a runtime started by a service and a command typed in a shell
/// of the same user have to agree.
package enum AdminSocket {
    /// The app id of a runtime that was given none. It is fixed, so that state survives a restart.
    package static let standardAppID = "octavo"

    /// The socket of the runtime of `appID` that the calling user starts.
    package static func path(appID: String) -> String {
        "\(folder())/\(appID)\(suffix)"
    }

    /// App ids with a socket in the calling user's folder, sorted. A socket may be left from a runtime that died.
    package static func appIDs() -> [String] {
        appIDs(in: folder())
    }

    /// App ids with a socket in `folder`, sorted.
    package static func appIDs(in folder: String) -> [String] {
        guard let directory = opendir(folder) else { return [] }
        defer { closedir(directory) }
        var found: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name.hasSuffix(suffix), name.count > suffix.count { found.append(String(name.dropLast(suffix.count))) }
        }
        return found.sorted()
    }

    /// Whether a process listens on the socket at `path`; true also when the caller may not know.
    package static func isListening(_ path: String) -> Bool {
        do throws(UnixConnection.Failure) {
            _ = try UnixConnection.connected(to: path, deadline: .now + .milliseconds(500))
            return true
        } catch {
            return error.code != ECONNREFUSED && error.code != ENOENT
        }
    }

    /// Longest path that the address of a Unix socket holds, bytes (unix(7): 108 with the final zero).
    package static let longestPath = 107

    private static let suffix = ".sock"

    /// `/run/octavo` for root; `/run/user/UID/octavo` where the system has made that folder; else a folder under
    /// `/tmp`, which the runtime refuses to use unless it owns it.
    private static func folder() -> String {
        let user = geteuid()
        if user == 0 { return "/run/octavo" }
        let own = "/run/user/\(user)"
        var status = stat()
        if stat(own, &status) == 0, status.st_uid == user { return own + "/octavo" }
        return "/tmp/octavo-\(user)"
    }
}
