import Glibc
import NIOCore
import NIOPosix
import Testing

@testable import Transport

/// Servers that others wrote.
@Suite("Foreign servers") struct ForeignServerTests {
    /// Runs `body` while `nghttpd` serves `folder`.
    private func nghttpd(
        _ folder: TemporaryFolder, isSecure: Bool, _ body: (ClientTarget) async throws -> Void
    ) async throws {
        let probe = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton).bind(host: "127.0.0.1", port: 0).get()
        let port = probe.localAddress?.port ?? 0
        try await probe.close()
        let running = folder.write("running", [])
        let files = isSecure ? "\(folder.file("key.pem")) \(folder.file("cert.pem"))" : ""
        // The server ends when the file does.
        let script = """
            nghttpd -d \(folder.path) \(isSecure ? "" : "--no-tls") \(port) \(files) & server=$!
            while [ -e \(running) ]; do sleep 0.05; done
            kill $server
            """
        async let ended = Command.run("sh", "-c", script)
        do {
            let tls = isSecure ? try TLSClientContext(trust: .authorities(file: folder.file("cert.pem")), offer: .http2) : nil
            try await body(ClientTarget(.tcp(host: "127.0.0.1", port: port), wire: .http2, tls: tls))
        } catch {
            unlink(running)
            _ = try await ended
            throw error
        }
        unlink(running)
        _ = try await ended
    }

    @Test("nghttpd, in plain text and over TLS", .enabled(if: Command.exists("nghttpd")), arguments: [false, true])
    func nghttpd(isSecure: Bool) async throws {
        let folder = try TemporaryFolder()
        if isSecure { _ = try await Certificate(folder) }
        let large = [UInt8](repeating: 0x6c, count: 2_000_000)
        _ = folder.write("large", large)
        _ = folder.write("small", Array("small".utf8))
        try await nghttpd(folder, isSecure: isSecure) { target in
            try await TestClient.run(target) { (client) async throws in
                let isUp = try await eventually { (try? await client.send("GET", "/small").get().text) == "small" }
                #expect(isUp)
                #expect(try await client.send("GET", "/large").get().body == large)
                #expect(try await client.send("GET", "/none").get().status == 404)
                let good = await withTaskGroup(of: Bool.self) { group in
                    for _ in 0..<300 { group.addTask { (try? await client.send("GET", "/small").get().text) == "small" } }
                    return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
                }
                #expect(good == 300)
            }
        }
    }
}
