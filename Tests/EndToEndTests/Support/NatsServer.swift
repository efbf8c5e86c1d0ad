import Foundation

/// A nats-server with JetStream on a port of its own; what it keeps is in a folder of its own, which outlives a kill.
final class NatsServer: Sendable {
    let port: Int
    private let process: Subprocess
    private let folder: Scratch
    private let configuration: String

    /// Starts a server; `configuration` is added to its file.
    static func start(configuration: String = "") async throws -> NatsServer {
        for _ in 0..<5 {
            let port = try FreePort.find()
            do {
                return try await start(on: port, try Scratch(), configuration)
            } catch let trouble as Trouble where trouble.description.contains("address already in use") {
                // Somebody else took the port in between.
                continue
            }
        }
        throw Trouble("nats-server found no port")
    }

    /// Another server with the files and the port of this one, which was killed.
    func again() async throws -> NatsServer { try await NatsServer.start(on: port, folder, configuration) }

    private static func start(on port: Int, _ folder: Scratch, _ configuration: String) async throws -> NatsServer {
        let text = "listen: \"127.0.0.1:\(port)\"\njetstream { store_dir: \"\(folder.file("store"))\" }\n\(configuration)\n"
        let process = try Subprocess("nats-server", ["-c", try folder.write(text, to: "nats.conf")], keeping: folder)
        try await eventually("nats-server on port \(port)") {
            if process.code != nil { throw Trouble("nats-server ended: \(process.errors)") }
            return process.errors.contains("Server is ready") ? () : nil
        }
        return NatsServer(port, process, folder, configuration)
    }

    private init(_ port: Int, _ process: Subprocess, _ folder: Scratch, _ configuration: String) {
        self.port = port
        self.process = process
        self.folder = folder
        self.configuration = configuration
    }

    func killed() async throws {
        process.kill(SIGKILL)
        _ = try await process.ended()
    }
}
