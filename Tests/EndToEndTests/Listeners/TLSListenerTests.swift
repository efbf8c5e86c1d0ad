import Foundation
import Testing

@Suite("The API over TLS", .serialized)
struct TLSListenerTests {
    private func flags(_ files: Certificates, clients: Bool = false) -> [String] {
        ["--tls-cert", files.server, "--tls-key", files.serverKey] + (clients ? ["--tls-client-ca", files.authority] : [])
    }

    /// What curl says of a GET, and its exit code: version, status.
    private func curl(_ flags: [String], _ url: String) async throws -> Subprocess.Result {
        try await Subprocess.run(
            "curl", ["-sS", "-o", "/dev/null", "-w", "%{http_version} %{http_code}", "--max-time", "10"] + flags + [url])
    }

    @Test("lets ALPN choose between HTTP/2 and HTTP/1.1", arguments: [("--http2", "2 204"), ("--http1.1", "1.1 204")])
    func alpn(version: String, answer: String) async throws {
        let files = try await Certificates()
        try await OctavoProcess.with(flags: flags(files)) { octavo in
            // Both ports take both, each under its certificate's names alone.
            for port in [octavo.http, octavo.grpc] {
                for host in ["localhost", "127.0.0.1"] {
                    let end = try await curl([version, "--cacert", files.authority], "https://\(host):\(port)/v1.0/healthz")
                    #expect(end.output == answer, "\(end)")
                }
            }
            let save = try await Subprocess.run(
                "curl", ["-sS", version, "--cacert", files.authority, "-d", #"[{"key":"a","value":7}]"#, "https://localhost:\(octavo.http)/v1.0/state/statestore"])
            #expect(save.code == 0 && save.output.isEmpty, "\(save)")
            let read = try await Subprocess.run(
                "curl", ["-sS", version, "--cacert", files.authority, "https://localhost:\(octavo.http)/v1.0/state/statestore/a"])
            #expect(read.output == "7", "\(read)")

            let untrusted = try await curl([version, "--cacert", files.stranger], "https://localhost:\(octavo.http)/v1.0/healthz")
            #expect(untrusted.code == 60, "\(untrusted)")
            let plain = try await curl([], "http://localhost:\(octavo.http)/v1.0/healthz")
            #expect(plain.code != 0, "plain text was answered: \(plain)")
            // The operator's socket is the owner's own, and needs no certificate.
            #expect(try await octavo.octavo("state", "get", "statestore", "a").output == "7")
        }
    }

    @Test("asks clients for a certificate of the authorities that were named")
    func mutual() async throws {
        let files = try await Certificates()
        try await OctavoProcess.with(flags: flags(files, clients: true)) { octavo in
            let url = "https://localhost:\(octavo.http)/v1.0/healthz"
            let trust = ["--cacert", files.authority]
            let known = try await curl(trust + ["--cert", files.client, "--key", files.clientKey], url)
            #expect(known.output.hasSuffix("204"), "\(known)")
            #expect(try await curl(trust, url).code != 0)
            let foreign = ["--cert", files.stranger, "--key", files.folder.file("stranger.key")]
            #expect(try await curl(trust + foreign, url).code != 0)
            #expect(try await curl(trust + ["--cert", files.client, "--key", files.clientKey], url).output.hasSuffix("204"))
        }
    }

    @Test("serves gRPC's own client, and the Dapr SDK by its environment alone", .enabled(if: Places.hasSDK, "tools/setup test installs them"))
    func clients() async throws {
        let files = try await Certificates()
        try await OctavoProcess.with(flags: flags(files, clients: true)) { octavo in
            let end = try await Subprocess.run(
                Places.python,
                [Places.script("secure"), "localhost:\(octavo.grpc)", files.authority, files.client, files.clientKey],
                environment: ["PYTHONDONTWRITEBYTECODE": "1"])
            #expect(end.code == 0, "\(end.output)\(end.errors)")
        }
        try await OctavoProcess.with(flags: flags(files)) { octavo in
            let end = try await Subprocess.run(
                Places.python, [Places.script("state")],
                environment: [
                    "DAPR_GRPC_ENDPOINT": "https://localhost:\(octavo.grpc)", "DAPR_HTTP_ENDPOINT": "https://localhost:\(octavo.http)",
                    "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": files.authority, "SSL_CERT_FILE": files.authority,
                    "PYTHONDONTWRITEBYTECODE": "1",
                ])
            #expect(end.code == 0, "\(end.output)\(end.errors)")
            #expect(end.output.hasSuffix("metadata\n"))
        }
    }

    @Test("does not start with files that don't do, and says which and why", arguments: [
        ("nowhere.pem", "server.key", "Can't read the TLS certificate", "No such file or directory"),
        ("server.pem", "nowhere.key", "Can't read the TLS key", "No such file or directory"),
        ("names", "server.key", "The TLS certificate", "holds no certificate in PEM form"),
        ("server.pem", "server.pem", "The TLS key", "is not usable"),
        ("server.pem", "client.key", "The TLS key", "does not belong to the certificate"),
    ])
    func refused(certificate: String, key: String, what: String, why: String) async throws {
        let files = try await Certificates()
        let end = try await OctavoProcess.launch(
            in: try Scratch(), flags: ["--tls-cert", files.folder.file(certificate), "--tls-key", files.folder.file(key)]
        ).ended()
        #expect(end.code == 1)
        #expect(end.errors.contains(what) && end.errors.contains(why), "\(end.errors)")
    }
}
