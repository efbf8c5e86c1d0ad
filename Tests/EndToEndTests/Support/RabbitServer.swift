import Foundation

/// A RabbitMQ server: a node of its own with a folder, ports and an epmd of its own. It starts slowly, so that suites share one;
/// it ends with the tests.
final class RabbitServer: @unchecked Sendable {
    /// Speaks AMQP.
    let port: Int
    /// Speaks it over TLS.
    let securePort: Int
    let certificates: Certificates
    private let scratch: Scratch
    private let distribution: Int
    private let naming: Int
    // Written by one test of a serialized suite at a time, and by the end of the process.
    private var processes: [Subprocess] = []

    static let user = "client", password = "s3cret"
    var url: String { "amqp://\(Self.user):\(Self.password)@127.0.0.1:\(port)" }

    /// The one that the tests share.
    static let shared = Task { try await RabbitServer() }

    private init() async throws {
        certificates = try await Certificates()
        scratch = try Scratch()
        port = try FreePort.find()
        securePort = try FreePort.find()
        distribution = try FreePort.find()
        naming = try FreePort.find()
        let settings = """
            listeners.tcp.1 = 127.0.0.1:\(port)
            listeners.ssl.1 = 127.0.0.1:\(securePort)
            ssl_options.cacertfile = \(certificates.authority)
            ssl_options.certfile = \(certificates.server)
            ssl_options.keyfile = \(certificates.serverKey)
            ssl_options.verify = verify_peer
            ssl_options.fail_if_no_peer_cert = true
            ssl_cert_login_from = common_name
            auth_mechanisms.1 = PLAIN
            auth_mechanisms.2 = EXTERNAL
            default_user = \(Self.user)
            default_pass = \(Self.password)
            log.console = true
            log.console.level = info
            log.file = false
            vm_memory_high_watermark.absolute = 1GB
            disk_free_limit.absolute = 50MB

            """
        try scratch.write(settings, to: "rabbit.conf")
        try scratch.write("[rabbitmq_auth_mechanism_ssl].\n", to: "plugins")
        try scratch.write("", to: "environment.conf")
        try await start()
        Self.atEnd.add(self)
    }

    /// Starts the server, again with what it has kept.
    func start() async throws {
        let environment = [
            "HOME": scratch.path, "RABBITMQ_NODENAME": "octavo-\(port)@localhost", "ERL_EPMD_PORT": "\(naming)", "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_DIST_PORT": "\(distribution)", "RABBITMQ_MNESIA_BASE": scratch.file("mnesia"), "RABBITMQ_LOG_BASE": scratch.file("log"),
            "RABBITMQ_LOGS": "-", "RABBITMQ_CONFIG_FILE": scratch.file("rabbit.conf"), "RABBITMQ_CONF_ENV_FILE": scratch.file("environment.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": scratch.file("plugins"), "RABBITMQ_SCHEMA_DIR": scratch.file("schema"),
            "RABBITMQ_GENERATED_CONFIG_DIR": scratch.file("generated"), "RABBITMQ_ALLOW_INPUT": "1",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+sbwt none +S 2:2 -noinput",
        ]
        let names = try Subprocess("epmd", ["-port", "\(naming)", "-address", "127.0.0.1"])
        // It becomes the node itself: what is killed is the server.
        let node = try Subprocess("/usr/lib/rabbitmq/bin/rabbitmq-server", [], environment: environment)
        processes = [names, node]
        try await eventually("rabbitmq-server: \(node.output.suffix(3000))\(node.errors)", within: .seconds(90)) {
            if node.code != nil { throw Trouble("rabbitmq-server ended: \(node.output.suffix(3000))\(node.errors)") }
            return node.output.contains("Server startup complete") ? () : nil
        }
    }

    func killed() async throws {
        for process in processes.reversed() {
            process.kill(SIGKILL)
            _ = try await process.ended()
        }
        processes = []
    }

    private static let atEnd = AtEnd()

    /// Ends what is static with the process, which has no other end.
    private final class AtEnd: @unchecked Sendable {
        private let lock = NSLock()
        private var servers: [RabbitServer] = []

        init() { atexit { RabbitServer.atEnd.end() } }

        func add(_ server: RabbitServer) { lock.withLock { servers.append(server) } }

        private func end() {
            lock.withLock {
                for server in servers {
                    for process in server.processes { process.kill(SIGKILL) }
                    server.processes = []
                    try? FileManager.default.removeItem(atPath: server.scratch.path)
                    try? FileManager.default.removeItem(atPath: server.certificates.folder.path)
                }
                servers = []
            }
        }
    }
}
