import NIOCore
import Testing

@testable import Transport

@Suite("TLS") struct TLSTests {
    /// A certificate for localhost, its key, and another key.
    private struct Files {
        let folder: TemporaryFolder
        let certificate: String
        let key: String
        let otherKey: String

        init() async throws {
            folder = try TemporaryFolder()
            certificate = folder.file("cert.pem")
            key = folder.file("key.pem")
            otherKey = folder.file("other.pem")
            let made = try await Command.run(
                "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
                "2",
                "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key,
                "-out", certificate)
            #expect(made.status == 0, "\(made.output)")
            _ = try await Command.run("openssl", "genpkey", "-algorithm", "ed25519", "-out", otherKey)
        }

        func context(clientAuthorities: String? = nil, allowsPlaintext: Bool = false) throws -> TLSServerContext {
            try TLSServerContext(
                certificate: certificate, key: key, clientAuthorities: clientAuthorities,
                allowsPlaintext: allowsPlaintext)
        }
    }

    @Test("ALPN chooses between HTTP/2 and HTTP/1.1, and a large body survives", arguments: ["--http2", "--http1.1"])
    func alpn(version: String) async throws {
        let files = try await Files()
        try await TestServer.run(tls: files.context()) { server in
            let body = files.folder.write("body", [UInt8](repeating: 0x64, count: 3_000_000))
            let got = files.folder.file("got")
            let result = try await Command.run(
                "curl", "-sS", version, "--cacert", files.certificate, "--data-binary", "@" + body, "-o", got, "-w",
                "%{http_version} %{http_code} %{size_download}", "https://localhost:\(server.port)/x")
            #expect(result.output == (version == "--http2" ? "2" : "1.1") + " 200 3000000")
            let parts = try await Command.run(
                "curl", "-sS", version, "--cacert", files.certificate, "https://localhost:\(server.port)/parts")
            #expect(parts.output == "one,two")
        }
    }

    @Test("old versions and foreign ALPN are refused", arguments: [["-tls1_1"], ["-alpn", "spdy"]])
    func refusals(options: [String]) async throws {
        let files = try await Files()
        try await TestServer.run(tls: files.context()) { server in
            let result = try await Command.run(
                "openssl", "s_client", "-connect", "127.0.0.1:\(server.port)", options[0],
                options.count > 1 ? options[1] : "-brief")
            #expect(result.status != 0, "\(result.output)")
        }
    }

    @Test("plain text is refused, unless it is allowed beside TLS", arguments: [false, true])
    func plaintext(allowed: Bool) async throws {
        let files = try await Files()
        try await TestServer.run(tls: files.context(allowsPlaintext: allowed)) { server in
            let connection = try RawConnection(server.address)
            connection.send("GET /x HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            #expect(try await connection.receiveAll().hasPrefix(allowed ? "HTTP/1.1 200" : ""))
            let secure = try await Command.run(
                "curl", "-sS", "--cacert", files.certificate, "-o", "/dev/null", "-w", "%{http_code}",
                "https://localhost:\(server.port)/x")
            #expect(secure.output == "200")
            if !allowed { #expect(await server.server.statistics().errors[.tls] == 1) }
        }
    }

    @Test("garbage after the first byte of a handshake ends the connection")
    func garbage() async throws {
        let files = try await Files()
        try await TestServer.run(tls: files.context()) { server in
            for garbage in [[22, 3, 1, 0, 5, 1, 2, 3, 4, 5], [22] + [UInt8](repeating: 0xff, count: 5000)] as [[UInt8]]
            {
                let connection = try RawConnection(server.address)
                connection.send(garbage)
                _ = try await connection.receiveAll()
            }
            #expect(await server.server.statistics().errors[.tls] == 2)
        }
    }

    @Test("a handshake that does not end is cut off")
    func slowHandshake() async throws {
        let files = try await Files()
        var limits = Server.Limits()
        limits.handshakeTimeout = .milliseconds(100)
        try await TestServer.run(limits: limits, tls: files.context()) { server in
            let connection = try RawConnection(server.address)
            connection.send([22, 3, 1])
            #expect(try await connection.receiveAll().isEmpty)
        }
    }

    @Test("clients without a certificate of ours are refused when one is demanded")
    func mutual() async throws {
        let files = try await Files()
        try await TestServer.run(tls: files.context(clientAuthorities: files.certificate)) { server in
            let url = "https://localhost:\(server.port)/x"
            let without = try await Command.run("curl", "-sS", "--cacert", files.certificate, url)
            #expect(without.status != 0)
            let with = try await Command.run(
                "curl", "-sS", "--cacert", files.certificate, "--cert", files.certificate, "--key", files.key, "-o",
                "/dev/null", "-w", "%{http_code}", url)
            #expect(with.output == "200")
        }
    }

    @Test("what is wrong with the files is said with their names")
    func errors() async throws {
        let files = try await Files()
        let text = files.folder.write("text", Array("not PEM".utf8))
        func message(_ certificate: String, _ key: String) -> String {
            do {
                _ = try TLSServerContext(certificate: certificate, key: key)
                return ""
            } catch {
                return "\(error)"
            }
        }
        #expect(
            message("/nowhere.pem", files.key)
                == "Can't read the TLS certificate /nowhere.pem: No such file or directory.")
        #expect(
            message(files.certificate, "/nowhere.pem")
                == "Can't read the TLS key /nowhere.pem: No such file or directory.")
        #expect(message(text, files.key).hasPrefix("The TLS certificate \(text) is not usable: "))
        #expect(message(files.certificate, text).hasPrefix("The TLS key \(text) is not usable: "))
        #expect(message(files.certificate, files.otherKey).contains("does not belong to the certificate"))
    }
}
