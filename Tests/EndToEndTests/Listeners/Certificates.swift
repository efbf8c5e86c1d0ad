import Foundation

/// An authority of the test's own with a certificate for localhost and one for a client; PEM files, made by openssl.
struct Certificates: Sendable {
    let folder: Scratch

    var authority: String { folder.file("authority.pem") }
    var server: String { folder.file("server.pem") }
    var serverKey: String { folder.file("server.key") }
    var client: String { folder.file("client.pem") }
    var clientKey: String { folder.file("client.key") }
    /// Signs nothing that the tests use.
    var stranger: String { folder.file("stranger.pem") }

    init() async throws {
        folder = try Scratch()
        try folder.write("subjectAltName=DNS:localhost,IP:127.0.0.1\n", to: "names")
        for name in ["authority", "stranger"] {
            try await openssl(
                ["req", "-x509", "-days", "2", "-subj", "/CN=\(name)", "-keyout", folder.file(name + ".key"), "-out", folder.file(name + ".pem")]
                    + Self.newKey)
        }
        for name in ["server", "client"] {
            try await openssl(
                ["req", "-subj", "/CN=\(name)", "-keyout", folder.file(name + ".key"), "-out", folder.file(name + ".csr")] + Self.newKey)
            try await openssl([
                "x509", "-req", "-days", "2", "-in", folder.file(name + ".csr"), "-CA", authority, "-CAkey", folder.file("authority.key"),
                "-CAcreateserial", "-extfile", folder.file("names"), "-out", folder.file(name + ".pem"),
            ])
        }
    }

    private static let newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]

    private func openssl(_ arguments: [String]) async throws {
        let end = try await Subprocess.run("openssl", arguments)
        guard end.code == 0 else { throw Trouble("openssl \(arguments[0]): \(end.errors)") }
    }
}
