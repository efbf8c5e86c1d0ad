import Foundation

/// A mosquitto on ports of its own, which keeps its messages in a folder of its own.
final class MosquittoServer: Sendable {
    let port: Int
    /// Speaks TLS, and asks for a certificate.
    let securePort: Int
    private let process: Subprocess
    private let scratch: Scratch

    static let user = "client", password = "s3cret"
    var url: String { "mqtt://\(Self.user):\(Self.password)@127.0.0.1:\(port)" }

    static func start(_ certificates: Certificates? = nil) async throws -> MosquittoServer {
        let scratch = try Scratch()
        let made = try await Subprocess.run("mosquitto_passwd", ["-b", "-c", scratch.file("passwords"), user, password])
        guard made.code == 0 else { throw Trouble("mosquitto_passwd: \(made.errors)") }
        return try await start(scratch, certificates, FreePort.find(), FreePort.find())
    }

    private static func start(_ scratch: Scratch, _ certificates: Certificates?, _ port: Int, _ secure: Int) async throws -> MosquittoServer {
        var settings = """
            allow_anonymous false
            password_file \(scratch.file("passwords"))
            persistence true
            persistence_location \(scratch.path)/
            autosave_on_changes true
            autosave_interval 1
            max_inflight_messages 1000
            max_queued_messages 100000
            log_type all
            listener \(port) 127.0.0.1

            """
        if getuid() == 0 { settings = "user root\n" + settings }
        if let certificates {
            settings += """
                listener \(secure) 127.0.0.1
                cafile \(certificates.authority)
                certfile \(certificates.server)
                keyfile \(certificates.serverKey)
                require_certificate true

                """
        }
        try scratch.write(settings, to: "mosquitto.conf")
        let process = try Subprocess("/usr/sbin/mosquitto", ["-c", scratch.file("mosquitto.conf")])
        try await eventually("mosquitto on port \(port): \(process.output)\(process.errors)") {
            if process.code != nil { throw Trouble("mosquitto ended: \(process.output)\(process.errors)") }
            return process.errors.contains("running") ? () : nil
        }
        return MosquittoServer(port, secure, process, scratch)
    }

    private init(_ port: Int, _ securePort: Int, _ process: Subprocess, _ scratch: Scratch) {
        self.port = port
        self.securePort = securePort
        self.process = process
        self.scratch = scratch
    }

    /// Ends it by SIGKILL; another one, with what it has kept, takes its place.
    func restarted() async throws -> MosquittoServer {
        process.kill(SIGKILL)
        _ = try await process.ended()
        return try await Self.start(scratch, nil, port, securePort)
    }
}
