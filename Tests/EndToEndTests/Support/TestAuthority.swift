import Foundation

/// An authority of the test's own, made by `octavo ca`.
struct TestAuthority: Sendable {
    let folder: Scratch
    var directory: String { folder.file("ca") }

    init(trustDomain: String = "public") async throws {
        folder = try Scratch()
        try await octavo("init", "--trust-domain", trustDomain)
    }

    /// Runs `octavo ca` on it.
    func octavo(_ arguments: String...) async throws {
        let end = try await Subprocess.run(Places.octavo, ["ca", arguments[0], "--dir", directory] + arguments.dropFirst())
        guard end.code == 0 else { throw Trouble("octavo ca \(arguments): \(end.errors)") }
    }

    /// The folder with a runtime's files.
    func leaf(_ name: String) -> String { folder.file("leaf-\(name)") }

    /// Makes the files of a runtime; gives the flags for it.
    func issue(_ appID: String, name: String? = nil, namespace: String = "default", lifetime: String = "1h") async throws -> [String] {
        let folder = leaf(name ?? appID)
        try await octavo("issue", "--app-id", appID, "--namespace", namespace, "--lifetime", lifetime, "--out", folder)
        return Self.flags(folder)
    }

    static func flags(_ folder: String) -> [String] {
        ["--tls-internal-cert", folder + "/cert.pem", "--tls-internal-key", folder + "/key.pem", "--tls-internal-ca", folder + "/ca.pem"]
    }
}
