import Glibc
import PluginCheck

/// A PostgreSQL server of the test's own, on a free port, with an empty database. Runs as the user postgres when the tests
/// run as root, whom the server refuses.
final class PostgreSQLServer: @unchecked Sendable {  // used by one test at a time
    let port: UInt16
    let folder: String
    private var process: pid_t = 0

    static let programs = "/usr/lib/postgresql/15/bin"

    init() throws {
        port = PostgreSQLServer.freePort()
        folder = "/tmp/octavo-pg-\(getpid())-\(port)"
        // The password reaches the server in a file, as initdb wants it.
        let script = """
            set -e; mkdir -m 700 '\(folder)'; cd '\(folder)'; printf secret > password
            '\(Self.programs)/initdb' -D data -U octavo --auth=scram-sha-256 --pwfile=password -E UTF8 --locale=C.UTF-8 --no-sync >log 2>&1
            """
        guard try run(Self.asServer(["sh", "-c", script])) == 0 else { throw Self.trouble("initdb failed") }
        try start()
    }

    deinit { remove() }

    /// Ends it, and nothing of it is left.
    func remove() {
        kill()
        _ = try? run(["rm", "-rf", folder])
    }

    /// Connection of the user who owns all.
    var connectionString: String { "host=127.0.0.1 port=\(port) user=octavo password=secret database=postgres" }

    func start() throws {
        process = try Self.spawn(
            Self.asServer([
                "\(Self.programs)/postgres", "-D", "\(folder)/data", "-p", "\(port)", "-h", "127.0.0.1", "-k", folder,
                "-c", "shared_preload_libraries=auto_explain", "-c", "auto_explain.log_min_duration=0",
                "-c", "logging_collector=on", "-c", "log_directory=\(folder)", "-c", "log_filename=plans", "-c", "max_connections=50",
            ]))
        guard eventually(seconds: 60, { (try? sql("SELECT 1")) == "1" }) else { throw Self.trouble("postgres does not answer") }
    }

    /// kill -9 of the postmaster; its children end when they see it.
    func kill() {
        guard process > 0 else { return }
        Glibc.kill(process, SIGKILL)
        var status: Int32 = 0
        waitpid(process, &status, 0)
        process = 0
    }

    /// What psql prints for a statement.
    func sql(_ text: String) throws -> String {
        setenv("PGPASSWORD", "secret", 1)
        let path = "\(folder).out"
        defer { unlink(path) }
        let code = try run(
            ["psql", "-h", "127.0.0.1", "-p", "\(port)", "-U", "octavo", "-d", "postgres", "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", text], output: path)
        guard code == 0 else { throw Self.trouble("psql ended with \(code)") }
        return Self.read(path).split(separator: "\n").joined(separator: "\n")
    }

    /// What the server has written about plans.
    var plans: String { Self.read("\(folder)/plans") }

    static func read(_ path: String) -> String {
        guard let file = fopen(path, "r") else { return "" }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = fread(&buffer, 1, buffer.count, file)
            if count == 0 { return String(decoding: bytes, as: UTF8.self) }
            bytes += buffer[..<count]
        }
    }

    private static func asServer(_ command: [String]) -> [String] {
        geteuid() == 0 ? ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] + command : command
    }

    private static func trouble(_ text: String) -> PluginFailure { PluginFailure(code: 14, flags: 0, reason: "", message: text) }

    private static func spawn(_ command: [String], output: String = "/dev/null") throws -> pid_t {
        var argv: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) } + [nil]
        defer { for argument in argv { free(argument) } }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
        var process: pid_t = 0
        guard posix_spawnp(&process, command[0], &actions, nil, argv, environ) == 0 else { throw trouble("\(command[0]) can't be started") }
        return process
    }

    private func run(_ command: [String], output: String = "/dev/null") throws -> Int32 {
        let process = try Self.spawn(command, output: output)
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0, errno == EINTR {}
        return status & 0x7f == 0 ? status >> 8 & 0xff : 128
    }

    private static func freePort() -> UInt16 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = bind(descriptor, $0, size)
                getsockname(descriptor, $0, &size)
            }
        }
        return UInt16(bigEndian: address.sin_port)
    }
}
