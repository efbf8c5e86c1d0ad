import Foundation

/// A PostgreSQL server of the test's own, on a port that was free a moment ago. Runs as the user postgres when the tests run
/// as root, whom the server refuses.
final class PostgreSQLServer: @unchecked Sendable {  // used by one test at a time
    let port: Int
    private let folder: String
    private var process: Subprocess?

    private static let programs = "/usr/lib/postgresql/15/bin"
    private static let user = geteuid() == 0 ? ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] : ["env"]

    /// With certificates it takes connections over TLS alone, and the user `client` by its certificate.
    static func start(_ certificates: Certificates? = nil) async throws -> PostgreSQLServer {
        let server = PostgreSQLServer(port: try FreePort.find())
        let folder = server.folder
        let script = """
            set -e; mkdir -m 700 '\(folder)'; cd '\(folder)'
            '\(programs)/initdb' -D data -U octavo --auth=trust -E UTF8 --locale=C.UTF-8 --no-sync
            """
        let made = try await Subprocess.run(user[0], user.dropFirst() + ["sh", "-c", script])
        guard made.code == 0 else { throw Trouble("initdb: \(made.output)\(made.errors)") }
        if let certificates { try await server.secure(certificates) }
        try await server.start()
        return server
    }

    /// The server reads none but its own files, and no key that others may read.
    private func secure(_ certificates: Certificates) async throws {
        let files = ["authority.pem": certificates.authority, "server.pem": certificates.server, "server.key": certificates.serverKey]
        for (name, path) in files {
            let owner = Self.user.count > 1 ? ["-o", "postgres"] : []
            let copied = try await Subprocess.run("install", ["-m", "600"] + owner + [path, "\(folder)/data/\(name)"])
            guard copied.code == 0 else { throw Trouble("install: \(copied.errors)") }
        }
        let rules = "hostssl all client all cert\nhostssl all octavo all trust\n"
        let settings = "ssl = on\nssl_ca_file = 'authority.pem'\nssl_cert_file = 'server.pem'\nssl_key_file = 'server.key'\n"
        let script = "cd '\(folder)/data'; printf \"\(rules)\" > pg_hba.conf; printf \"\(settings)\" >> postgresql.conf"
        let written = try await Subprocess.run(Self.user[0], Self.user.dropFirst() + ["sh", "-c", script])
        guard written.code == 0 else { throw Trouble("settings: \(written.errors)") }
    }

    /// Starts it, again with what it has kept.
    func start() async throws {
        let process = try Subprocess(
            Self.user[0],
            Self.user.dropFirst() + ["\(Self.programs)/postgres", "-D", "\(folder)/data", "-p", "\(port)", "-h", "127.0.0.1", "-k", folder])
        self.process = process
        try await eventually("postgres on port \(port): \(process.errors)", within: .seconds(60)) {
            if process.code != nil { throw Trouble("postgres ended: \(process.output)\(process.errors)") }
            return process.errors.contains("ready to accept connections") ? () : nil
        }
    }

    /// Ends it at once, as a crash does.
    func killed() async throws {
        guard let process else { return }
        // Its children go with it; they would hold the memory that a new one wants.
        process.kill(SIGQUIT)
        _ = try await process.ended()
    }

    private init(port: Int) {
        self.port = port
        folder = "/tmp/octavo-e2e-pg-\(getpid())-\(port)"
    }

    deinit {
        process?.kill(SIGKILL)
        try? FileManager.default.removeItem(atPath: folder)
    }

    /// Runs statements; what psql prints.
    @discardableResult
    func sql(_ text: String, user: String = "octavo") async throws -> String {
        let end = try await Subprocess.run(
            "psql", ["-h", "127.0.0.1", "-p", "\(port)", "-U", user, "-d", "postgres", "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", text])
        guard end.code == 0 else { throw Trouble("psql: \(end.errors)") }
        return end.output
    }

    var connectionString: String { "host=127.0.0.1 port=\(port) user=octavo dbname=postgres" }
}
