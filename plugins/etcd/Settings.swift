import PluginHTTP
import PluginKit

/// The component's metadata, checked.
struct Settings {
    /// "http://host:port" each.
    let endpoints: [String]
    /// As written: for messages.
    let address: String
    /// With a slash at its end: in front of each key.
    let prefix: [UInt8]
    let username: [UInt8]
    let password: [UInt8]
    let maxTxnOps: Int
    var http = HTTPOptions()

    init(_ config: Config) throws(PluginError) {
        address = config.string("endpoints") ?? ""
        let usesTLS = config.flag("tlsEnable")
        var found: [String] = []
        for part in config.text("endpoints").array.split(separator: 0x2C) {
            var text = part.filter { $0 != 0x20 }
            if text.isEmpty { continue }
            if text.last == 0x2F { text.removeLast() }
            let written = String(decoding: text, as: UTF8.self)
            let hasScheme = text.withUnsafeBytes { Str($0).hasPrefix(Str("http://")) || Str($0).hasPrefix(Str("https://")) }
            found.append(hasScheme ? written : (usesTLS ? "https://" : "http://") + written)
        }
        guard !found.isEmpty else { throw .invalid("endpoints names no server: write host:port, several with commas between.") }
        endpoints = found
        prefix = config.text("keyPrefixPath").array + [0x2F]
        username = config.text("username").array
        password = config.text("password").array
        maxTxnOps = Int(min(max(config.integer("maxTxnOps") ?? 128, 1), 1 << 20))
        http.connectTimeout = config.duration("dialTimeout") ?? 5_000_000_000
        http.tls.authority = config.string("ca")
        http.tls.certificate = config.string("cert")
        http.tls.key = config.string("key")
        http.tls.verifies = !config.flag("insecureSkipTLSVerify")
    }

    /// Of types that write several keys at once.
    static var writingFields: [Field] {
        fields + [.integer("maxTxnOps", default: "128", from: 1, "Operations in one transaction that the server takes (--max-txn-ops).")]
    }

    static var fields: [Field] {
        [
            .string(
                "endpoints", required: true, example: "192.168.0.1:2379,192.168.0.2:2379",
                "Servers of the cluster, with commas between. Another one is asked when one is gone."),
            .string("keyPrefixPath", example: "dapr", "In front of each key, with a slash after it."),
            .boolean("tlsEnable", default: "false", "Speak TLS."),
            .string("ca", "Authority of the servers' certificates, PEM text or a path; the system's otherwise."),
            .string("cert", "Certificate for the servers, PEM text or a path."),
            .string("key", sensitive: true, "Key of cert, PEM text or a path."),
            .boolean("insecureSkipTLSVerify", default: "false", "Accept any certificate of the servers."),
            .string("username", "User of the cluster."),
            .string("password", sensitive: true, "Password of the user."),
            .duration("dialTimeout", default: "5s", "How long connecting to one server may take."),
        ]
    }
}
