import Glibc
import NIOPosix

/// Runs a program and gives what it wrote and how it ended.
enum Command {
    struct Result: Sendable {
        var output: String
        var status: Int32
    }

    /// Whether a program is installed.
    static func exists(_ name: String) -> Bool { access("/usr/bin/" + name, X_OK) == 0 }

    /// Runs `/usr/bin/` + `arguments[0]`, with both of its outputs in one, on a thread of its own.
    static func run(_ arguments: String...) async throws -> Result {
        try await NIOThreadPool.singleton.runIfActive { runBlocking(arguments) }
    }

    private static func runBlocking(_ arguments: [String]) -> Result {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { return Result(output: "no pipe", status: -1) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
        posix_spawn_file_actions_adddup2(&actions, ends[1], 2)
        var pid: pid_t = 0
        let copies = arguments.map { strdup($0) } + [nil]
        defer { for copy in copies { free(copy) } }
        let spawned = posix_spawn(&pid, "/usr/bin/" + arguments[0], &actions, nil, copies, environ)
        close(ends[1])
        defer { close(ends[0]) }
        guard spawned == 0 else { return Result(output: "can't start \(arguments[0])", status: -1) }
        var output: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = read(ends[0], &buffer, buffer.count)
            if count <= 0 { break }
            output += buffer[..<count]
        }
        var status: Int32 = 0
        waitpid(pid, &status, 0)
        return Result(output: String(decoding: output, as: UTF8.self), status: (status >> 8) & 255)
    }
}

/// A folder that is gone when the test is.
final class TemporaryFolder: Sendable {
    let path: String

    init() throws {
        var template = Array("/tmp/octavo-test-XXXXXX".utf8CString)
        guard let made = mkdtemp(&template) else { throw Failure() }
        path = String(cString: made)
    }

    deinit {
        guard let directory = opendir(path) else { return }
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) {
                String(cString: $0.bindMemory(to: CChar.self).baseAddress!)
            }
            if name != ".", name != ".." { unlink(path + "/" + name) }
        }
        closedir(directory)
        rmdir(path)
    }

    struct Failure: Error {}

    /// The path of a file in it.
    func file(_ name: String) -> String { path + "/" + name }

    /// Writes a file and returns its path.
    func write(_ name: String, _ bytes: some Collection<UInt8>) -> String {
        let path = file(name)
        let descriptor = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0o600)
        let bytes = Array(bytes)
        _ = Glibc.write(descriptor, bytes, bytes.count)
        close(descriptor)
        return path
    }
}
