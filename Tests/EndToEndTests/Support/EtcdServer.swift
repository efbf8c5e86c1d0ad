import Foundation

/// An etcd of one member on ports of its own, with its data in a folder that outlives it.
final class EtcdServer: Sendable {
    let port: Int
    let folder: Scratch
    private let process: Subprocess
    /// Of a server that speaks TLS and asks its clients for certificates.
    let certificates: Certificates?

    /// Starts a server on ports that were free a moment ago, or once more on those and with the data of `other`.
    static func start(again other: EtcdServer? = nil, on fixed: Int? = nil, certificates given: Certificates? = nil, flags: [String] = []) async throws -> EtcdServer {
        let certificates = given ?? other?.certificates
        for _ in 0..<5 {
            let port = try fixed ?? other?.port ?? FreePort.find(), folder = try other?.folder ?? Scratch()
            let client = "\(certificates == nil ? "http" : "https")://127.0.0.1:\(port)", peer = "http://127.0.0.1:\(try FreePort.find())"
            let process = try Subprocess(
                "etcd",
                [
                    "--data-dir", folder.file("etcd"), "--listen-client-urls", client, "--advertise-client-urls", client,
                    "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", "default=\(peer)",
                    "--max-request-bytes", "16777216",
                ] + Self.flags(certificates) + flags, keeping: folder)
            do {
                try await eventually("etcd on port \(port)", within: .seconds(30)) {
                    if process.code != nil { throw Trouble("etcd ended: \(process.output)\(process.errors)") }
                    let health = try await Subprocess.run("curl", ["-sS", "-m", "2", client + "/health"] + Self.curl(certificates))
                    return health.output.contains(#""health":"true""#) ? () : nil
                }
                return EtcdServer(port: port, folder: folder, process: process, certificates: certificates)
            } catch where other == nil {
                continue
            }
        }
        throw Trouble("etcd found no port")
    }

    private static func flags(_ certificates: Certificates?) -> [String] {
        guard let certificates else { return [] }
        return [
            "--cert-file", certificates.server, "--key-file", certificates.serverKey, "--client-cert-auth",
            "--trusted-ca-file", certificates.authority,
        ]
    }

    private static func curl(_ certificates: Certificates?) -> [String] {
        guard let certificates else { return [] }
        return ["--cacert", certificates.authority, "--cert", certificates.client, "--key", certificates.clientKey]
    }

    /// Runs etcdctl on it.
    @discardableResult
    func control(_ arguments: String...) async throws -> String {
        var flags = ["--endpoints", "\(certificates == nil ? "http" : "https")://127.0.0.1:\(port)"]
        if let certificates {
            flags += ["--cacert", certificates.authority, "--cert", certificates.client, "--key", certificates.clientKey]
        }
        let end = try await Subprocess.run("etcdctl", flags + arguments, environment: ["ETCDCTL_API": "3"])
        guard end.code == 0 else { throw Trouble("etcdctl \(arguments): \(end.output)\(end.errors)") }
        return end.output
    }

    private init(port: Int, folder: Scratch, process: Subprocess, certificates: Certificates?) {
        self.certificates = certificates
        self.port = port
        self.folder = folder
        self.process = process
    }

    func killed() async throws {
        process.kill(SIGKILL)
        _ = try await process.ended()
    }
}
