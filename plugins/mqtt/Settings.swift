import MQTTPluginNative
import PluginKit

/// The component's metadata, checked.
struct Settings {
    /// For messages: host and port.
    let address: String
    let host: [CChar]
    let port: [CChar]
    let user: [UInt8]?
    let password: [UInt8]?
    let usesTLS: Bool
    let verifiesTLS: Bool
    let authority: [CChar]?
    let certificate: [CChar]?
    let key: [CChar]?
    let qos: UInt8
    let retains: Bool
    let cleanSession: Bool
    /// The component's name.
    let name: [UInt8]
    /// For connecting, and for the first answers. Milliseconds.
    static let timeout: Int32 = 5000
    /// Seconds without a packet after which the two sides count as gone.
    static let keepAlive: UInt16 = 30
    /// Nanoseconds.
    static let longestPause: Int64 = 3_000_000_000

    init(_ config: Config) throws(PluginError) {
        guard !config.text("url").isEmpty else { throw .invalid("url is missing: the server's, like mqtt://user:password@host:1883.") }
        guard let url = ServerURL(config.text("url")) else {
            throw .invalid("url is not the address of a server. Write mqtt://user:password@host:port, special letters as %40.")
        }
        func isAny(_ names: [StaticString]) -> Bool {
            for name in names where Str(name).array == url.scheme { return true }
            return false
        }
        usesTLS = isAny(["ssl", "tls", "tcps", "mqtts"])
        guard usesTLS || url.scheme.isEmpty || isAny(["tcp", "mqtt"]) else {
            throw .invalid("url begins with mqtt: or tcp:, or with mqtts:, ssl:, tls: or tcps: for TLS. Others, WebSocket among them, are not supported.")
        }
        let number = url.port ?? (usesTLS ? 8883 : 1883)
        address = "\(String(decoding: url.host, as: UTF8.self)):\(number)"
        func c(_ bytes: [UInt8]) -> [CChar] { bytes.map { CChar(bitPattern: $0) } + [0] }
        host = c(url.host)
        port = c(Decimal.with(UInt64(number)) { $0.array })
        user = url.user
        password = url.password
        guard (user ?? []).count <= 65535, (password ?? []).count <= 65535 else { throw .invalid("The user or the password in url is too long.") }
        verifiesTLS = !config.flag("insecureSkipTLSVerify")
        authority = config.cString("caCert")
        certificate = config.cString("clientCert")
        key = config.cString("clientKey")
        if (certificate == nil) != (key == nil) { throw .invalid("clientCert and clientKey belong together: give both or none.") }
        qos = UInt8(min(max(config.integer("qos") ?? 1, 0), 2))
        retains = config.flag("retain")
        cleanSession = config.flag("cleanSession")
        name = config.component.array
    }

    static var fields: [Field] {
        [
            .string("url", required: true, sensitive: true, example: "mqtt://user:password@localhost:1883", "URL of the server; mqtts for TLS."),
            .string("consumerID", "Name of the consumer group, the beginning of its client ids; by default the app id."),
            .integer("qos", default: "1", from: 0, to: 2, "Quality of service: with 0 messages may be lost."),
            .boolean("retain", default: "false", "The server keeps the last message of each topic for later subscribers."),
            .boolean("cleanSession", default: "false", "The server keeps nothing for subscribers that are away."),
            .string("caCert", "Authority of the server's certificate, PEM text or a path; the system's otherwise."),
            .string("clientCert", "Certificate for the server, PEM text or a path."),
            .string("clientKey", sensitive: true, "Key of clientCert, PEM text or a path."),
            .boolean("insecureSkipTLSVerify", default: "false", "Accept any certificate of the server."),
            .integer("backOffMaxRetries", "No effect: the runtime decides how often a message is delivered again."),
        ]
    }
}
