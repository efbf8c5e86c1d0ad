import Foundation

/// A PostgreSQL server of the test's own, on a port that was free a moment ago. Runs as the user postgres when the tests run
/// as root, whom the server refuses.
final class PostgreSQLServer: Sendable {
    let port: Int
    private let folder: String
    private let process: Subprocess

    private static let programs = "/usr/lib/postgresql/15/bin"
    private static let user = geteuid() == 0 ? ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] : ["env"]

    static func start() async throws -> PostgreSQLServer {
        let port = try FreePort.find()
        let folder = "/tmp/octavo-e2e-pg-\(getpid())-\(port)"
        let script = """
            set -e; mkdir -m 700 '\(folder)'; cd '\(folder)'
            '\(programs)/initdb' -D data -U octavo --auth=trust -E UTF8 --locale=C.UTF-8 --no-sync
            """
        let made = try await Subprocess.run(user[0], user.dropFirst() + ["sh", "-c", script])
        guard made.code == 0 else { throw Trouble("initdb: \(made.output)\(made.errors)") }
        let process = try Subprocess(
            user[0], user.dropFirst() + ["\(programs)/postgres", "-D", "\(folder)/data", "-p", "\(port)", "-h", "127.0.0.1", "-k", folder])
        try await eventually("postgres on port \(port): \(process.errors)", within: .seconds(60)) {
            if process.code != nil { throw Trouble("postgres ended: \(process.output)\(process.errors)") }
            return process.errors.contains("ready to accept connections") ? () : nil
        }
        return PostgreSQLServer(port: port, folder: folder, process: process)
    }

    private init(port: Int, folder: String, process: Subprocess) {
        self.port = port
        self.folder = folder
        self.process = process
    }

    deinit {
        process.kill(SIGKILL)
        try? FileManager.default.removeItem(atPath: folder)
    }

    var connectionString: String { "host=127.0.0.1 port=\(port) user=octavo dbname=postgres" }
}
