import PluginHTTP
import PluginKit

/// The component's metadata, checked.
struct Settings {
    /// Without a slash at its end.
    let address: String
    let token: HTTPToken
    /// In front of each name, with a slash at its end; empty: none.
    let prefix: [UInt8]
    /// Of the engine, without slashes around it.
    let engine: [UInt8]
    /// A secret is one text, not pairs.
    let isText: Bool
    var http = HTTPOptions()

    init(_ config: Config) throws(PluginError) {
        var address = config.text("vaultAddr").array
        while address.last == 0x2F { address.removeLast() }
        let isURL = address.withUnsafeBytes { Str($0).hasPrefix(Str("https://")) || Str($0).hasPrefix(Str("http://")) }
        guard isURL else { throw .invalid("vaultAddr is to begin with https:// or http://, as in https://vault.example:8200.") }
        self.address = String(decoding: address, as: UTF8.self)
        switch (config.string("vaultToken"), config.string("vaultTokenMountPath")) {
        case (.some(let text), .none): token = .fixed([UInt8](text.utf8))
        case (.none, .some(let path)):
            token = .file(FileText(path, what: "token file", hint: "Check vaultTokenMountPath."))
        case (.none, .none): throw .invalid("There is no token: give vaultToken or vaultTokenMountPath.")
        case (.some, .some): throw .invalid("vaultToken and vaultTokenMountPath are both given: leave one out.")
        }
        let prefix = Settings.trimmed(config.text("vaultKVPrefix"))
        engine = Settings.trimmed(config.text("enginePath"))
        guard !engine.isEmpty, URLText.isBelow(engine) else { throw .invalid("enginePath is to be the path of an engine, as in secret.") }
        let usesPrefix = config.flag("vaultKVUsePrefix") && !prefix.isEmpty
        guard !usesPrefix || URLText.isBelow(prefix) else { throw .invalid("vaultKVPrefix is to be a path, without . and .. in it.") }
        self.prefix = usesPrefix ? prefix + [0x2F] : []
        isText = config.integer("vaultValueType") == 1
        http.tls.verifies = !config.flag("skipVerify")
        http.tls.serverName = config.string("tlsServerName")
        // As Dapr has it, the first of these counts.
        if let text = config.string("caPem") {
            http.tls.authority = text
        } else if let folder = config.string("caPath") {
            http.tls.authorityFolder = folder
        } else {
            http.tls.authority = config.string("caCert")
        }
    }

    private static func trimmed(_ text: Str) -> [UInt8] {
        var path = text.array[...]
        while path.first == 0x2F { path = path.dropFirst() }
        while path.last == 0x2F { path = path.dropLast() }
        return [UInt8](path)
    }

    static var fields: [Field] {
        [
            .string("vaultAddr", default: "https://127.0.0.1:8200", example: "https://vault.example:8200", "Address of the server."),
            .string("vaultToken", sensitive: true, "Token for the server. This or vaultTokenMountPath."),
            .string(
                "vaultTokenMountPath", example: "/run/vault/token",
                "File of the token, which is read again when it changes. This or vaultToken."),
            .string("vaultKVPrefix", default: "dapr", "In front of each name, with a slash after it."),
            .boolean("vaultKVUsePrefix", default: "true", "Whether vaultKVPrefix stands before names."),
            .string("enginePath", default: "secret", "Path that the engine is mounted at."),
            .word(
                "vaultValueType", of: ["map", "text"], default: "map",
                "map: a secret has the pairs that it has there; text: it has one value, all pairs as JSON."),
            .string("caPem", "Authorities of the server's certificate, PEM text. Goes before caPath and caCert."),
            .string("caPath", "Folder with files of authorities. Goes before caCert."),
            .string("caCert", example: "/etc/vault/ca.pem", "File of authorities, PEM; the system's without any of the three."),
            .boolean("skipVerify", default: "false", "Accept any certificate of the server."),
            .string("tlsServerName", example: "vault.example", "Name that the certificate bears, when that is not the host of vaultAddr."),
        ]
    }
}
