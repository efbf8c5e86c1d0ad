import Foundation

/// An etcd of one member on ports of its own, with its data in a folder that outlives it.
final class EtcdServer: Sendable {
    let port: Int
    let folder: Scratch
    private let process: Subprocess

    /// Starts a server on ports that were free a moment ago, or once more on those and with the data of `other`.
    static func start(again other: EtcdServer? = nil) async throws -> EtcdServer {
        for _ in 0..<5 {
            let port = try other?.port ?? FreePort.find(), folder = try other?.folder ?? Scratch()
            let client = "http://127.0.0.1:\(port)", peer = "http://127.0.0.1:\(try FreePort.find())"
            let process = try Subprocess(
                "etcd",
                [
                    "--data-dir", folder.file("etcd"), "--listen-client-urls", client, "--advertise-client-urls", client,
                    "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", "default=\(peer)",
                ], keeping: folder)
            do {
                try await eventually("etcd on port \(port)", within: .seconds(30)) {
                    if process.code != nil { throw Trouble("etcd ended: \(process.output)\(process.errors)") }
                    let health = try await Subprocess.run("curl", ["-sS", "-m", "2", client + "/health"])
                    return health.output.contains(#""health":"true""#) ? () : nil
                }
                return EtcdServer(port: port, folder: folder, process: process)
            } catch where other == nil {
                continue
            }
        }
        throw Trouble("etcd found no port")
    }

    private init(port: Int, folder: Scratch, process: Subprocess) {
        self.port = port
        self.folder = folder
        self.process = process
    }

    func killed() async throws {
        process.kill(SIGKILL)
        _ = try await process.ended()
    }
}
