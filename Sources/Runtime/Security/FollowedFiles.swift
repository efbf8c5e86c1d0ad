import Glibc

/// Files that are read again whenever they change. A value.
struct FollowedFiles: Sendable {
    let paths: [String]

    /// How often they are looked at: they may be links, and on file systems that tell of no changes.
    private static let interval = Duration.milliseconds(500)

    /// Calls `take` when the files have changed, and again as long as it throws: what could not be used may be half of a change. `refused` is
    /// told why once it has been so twice in a row, `looked` after each look. For as long as the task runs.
    func follow(_ take: () async throws -> Void, refused: (_ cause: String) -> Void, looked: () -> Void) async {
        var seen = marks
        var last = ""
        var told = ""
        while !Task.isCancelled {
            try? await Task.sleep(for: Self.interval)
            let marks = marks
            if marks != seen || !last.isEmpty {
                seen = marks
                do {
                    try await take()
                    (last, told) = ("", "")
                } catch {
                    let cause = "\(error)"
                    // Said once, and not while somebody is just writing one file after the other.
                    if cause == last, cause != told {
                        refused(cause)
                        told = cause
                    }
                    last = cause
                }
            }
            looked()
        }
    }

    /// Which files those are, and of when.
    private var marks: [[Int]] {
        paths.map { path in
            var status = stat()
            guard stat(path, &status) == 0 else { return [] }
            return [
                Int(status.st_dev), Int(status.st_ino), Int(status.st_size), status.st_mtim.tv_sec, status.st_mtim.tv_nsec,
                status.st_ctim.tv_sec, status.st_ctim.tv_nsec,
            ]
        }
    }
}
