import PluginKit
import RabbitMQPluginNative

/// How to reach the server and who we are, checked.
struct Settings {
    /// For messages: host and port.
    let address: String
    let host: [CChar]
    let port: Int32
    let vhost: [CChar]
    let user: [CChar]
    let password: [CChar]
    let name: [CChar]
    let usesTLS: Bool
    let isExternal: Bool
    let verifiesTLS: Bool
    let authority: [CChar]?
    let certificate: [CChar]?
    let key: [CChar]?
    /// Seconds.
    let heartbeat: Int32
    /// The longest pause between two attempts to connect. Nanoseconds.
    let reconnectWait: Int64
    /// For connecting, and for an answer of the server. Milliseconds.
    static let timeout: Int32 = 5000

    /// `url`: the setting with the server's URL.
    init(_ config: Config, url: StaticString = "connectionString") throws(PluginError) {
        let written = config.text(url), hostname = config.text("hostname")
        guard !written.isEmpty || !hostname.isEmpty else {
            throw .invalid("\(url) is missing: the server's URL, like amqp://user:password@host:5672/vhost. Or give hostname, username and password.")
        }
        guard let server = ServerURL(written.isEmpty ? hostname : written) else {
            throw .invalid("\(written.isEmpty ? "hostname" : "\(url)") is not the address of a server. Write amqp://user:password@host:port/vhost, special letters as %40.")
        }
        let named = config.text("protocol")
        var scheme = Str("amqp").array
        if !named.isEmpty { scheme = named.array }
        if !server.scheme.isEmpty {
            guard named.isEmpty || server.scheme == scheme else {
                throw .invalid("protocol is not that of \(url). Remove protocol, or make it the same.")
            }
            scheme = server.scheme
        }
        usesTLS = scheme == Str("amqps").array
        guard usesTLS || scheme == Str("amqp").array else {
            throw .invalid("The protocol of a RabbitMQ server is amqp or amqps.")
        }
        host = Self.c(server.host)
        port = Int32(server.port ?? (usesTLS ? 5671 : 5672))
        address = "\(String(decoding: server.host, as: UTF8.self)):\(port)"
        let path = server.path ?? []
        vhost = Self.c(path.isEmpty ? [0x2F] : path)
        let username = config.text("username"), password = config.text("password")
        user = Self.c(server.user ?? (username.isEmpty ? Str("guest") : username).array)
        self.password = Self.c(server.user != nil ? server.password ?? [] : (username.isEmpty && password.isEmpty ? Str("guest") : password).array)
        name = Self.c(config.text("clientName").isEmpty ? config.component.array : config.text("clientName").array)
        isExternal = config.flag("saslExternal")
        verifiesTLS = !config.flag("insecureSkipTLSVerify")
        authority = config.cString("caCert")
        certificate = config.cString("clientCert")
        key = config.cString("clientKey")
        if (certificate == nil) != (key == nil) {
            throw .invalid("clientCert and clientKey belong together: give both or none.")
        }
        if isExternal, !usesTLS || certificate == nil {
            throw .invalid("saslExternal needs a certificate to be known by: use amqps, clientCert and clientKey, or remove it.")
        }
        heartbeat = Int32(min(max((config.duration("heartBeat") ?? 0) / 1_000_000_000, 0), 3600))
        reconnectWait = max(config.duration("reconnectWait") ?? config.duration("reconnectWaitInSeconds") ?? 3_000_000_000, 100_000_000)
    }

    static func c(_ bytes: [UInt8]) -> [CChar] {
        var copy = bytes.map { CChar(bitPattern: $0) }
        copy.append(0)
        return copy
    }

    static var common: [Field] {
        [
            .boolean("saslExternal", default: "false", "Be who the client certificate says (SASL EXTERNAL).").alias("externalSasl"),
            .string("caCert", "Authority of the server's certificate, PEM text or a path; the system's otherwise."),
            .string("clientCert", sensitive: true, "Certificate for the server, PEM text or a path."),
            .string("clientKey", sensitive: true, "Key of clientCert, PEM text or a path."),
            .boolean("insecureSkipTLSVerify", default: "false", "Accept any certificate of the server."),
            .string("clientName", "Name of the connections in the server's lists; by default the component's."),
            .duration("heartBeat", default: "10s", "Silence of the server for two of these counts as its loss."),
        ]
    }
}
