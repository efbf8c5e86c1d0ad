import PluginKit

/// The component's metadata, checked.
struct Settings {
    /// For messages: as written.
    let address: String
    /// Name or number of the host, or the path of a socket; ended by a NUL.
    let host: [CChar]
    let port: [CChar]
    let isLocalSocket: Bool
    let username: [UInt8]
    let password: [UInt8]
    let database: Int64
    let usesTLS: Bool
    let verifiesTLS: Bool
    let authority: [CChar]?
    let certificate: [CChar]?
    let key: [CChar]?
    /// Nanoseconds.
    let dialTimeout: Int64
    let readTimeout: Int64
    let minBackoff: Int64
    let maxBackoff: Int64
    var connections: Int
    /// Time to live of what does not name one; 0 = none. Milliseconds.
    let ttl: Int64

    init(_ config: Config) throws(PluginError) {
        if config.flag("failover") {
            throw .invalid(
                "The setting failover: this plugin does not speak to Sentinel. Set redisHost to the master, or use a proxy in front of it, and remove failover.")
        }
        if config.integer("redisType") ?? 0 != 0 {
            throw .invalid(
                "The setting redisType: cluster is not supported. Use a single server (redisType: node), or a proxy in front of the cluster.")
        }
        if config.flag("useOIDC") || config.flag("useEntraID") {
            throw .invalid("Tokens (useOIDC, useEntraID) are not supported. Use redisUsername and redisPassword.")
        }
        address = config.string("redisHost") ?? ""
        (host, port, isLocalSocket) = try Settings.split(config.text("redisHost"), config.text("redisPort"))
        username = config.text("redisUsername").array
        password = config.text("redisPassword").array
        database = config.integer("redisDB") ?? 0
        usesTLS = config.flag("enableTLS")
        verifiesTLS = !config.flag("insecureSkipTLSVerify")
        authority = config.cString("caCert")
        certificate = config.cString("clientCert")
        key = config.cString("clientKey")
        if (certificate == nil) != (key == nil) {
            throw .invalid("clientCert and clientKey belong together: give both or none.")
        }
        dialTimeout = Settings.positive(config.duration("dialTimeout"), 5_000_000_000)
        let read = Settings.positive(config.duration("readTimeout"), 3_000_000_000)
        readTimeout = max(read, Settings.positive(config.duration("writeTimeout"), read))
        minBackoff = Settings.positive(config.duration("redisMinRetryInterval"), 50_000_000)
        maxBackoff = max(Settings.positive(config.duration("redisMaxRetryInterval"), 5_000_000_000), minBackoff)
        connections = Int(min(max(config.integer("poolSize") ?? 1, 1), 8))
        let seconds = config.integer("ttlInSeconds") ?? 0
        ttl = seconds > 0 ? min(seconds, Int64.max / 1_000_000) * 1000 : 0
    }

    private static func positive(_ value: Int64?, _ fallback: Int64) -> Int64 {
        guard let value, value > 0 else { return fallback }
        return value
    }

    /// "host", "host:port", "[::1]:port" or "/path/of/a.sock".
    private static func split(_ written: Str, _ port: Str) throws(PluginError) -> ([CChar], [CChar], Bool) {
        let text = written.array
        func c(_ bytes: ArraySlice<UInt8>) -> [CChar] {
            var copy = bytes.map { CChar(bitPattern: $0) }
            copy.append(0)
            return copy
        }
        if text.first == 0x2F { return (c(text[...]), [0], true) }
        var host = text[...], number = port.isEmpty ? Array("6379".utf8)[...] : port.array[...]
        if text.first == 0x5B, let close = text.firstIndex(of: 0x5D) {
            host = text[1..<close]
            if close + 1 < text.count, text[close + 1] == 0x3A { number = text[(close + 2)...] }
        } else if let colon = text.lastIndex(of: 0x3A), text.firstIndex(of: 0x3A) == colon {
            host = text[..<colon]
            number = text[(colon + 1)...]
        }
        let value = number.withUnsafeBytes { Str($0).decimal } ?? 0
        guard !host.isEmpty, value >= 1, value <= 65535 else {
            throw .invalid("redisHost \"\(written.string)\" is no address: write host:port, for example localhost:6379.")
        }
        return (c(host), c(number), false)
    }

    private static let millisecond: Int64 = 1_000_000

    /// Of `state.redis`.
    static var stateFields: [Field] {
        fields + [.integer("ttlInSeconds", example: "3600", "Time to live of values that don't name one.")]
    }

    static var fields: [Field] {
        [
            .string(
                "redisHost", required: true, example: "localhost:6379",
                "Host and port of the server, or the path of its socket."),
            .string("redisPort", default: "", "Port of the server when redisHost names none."),
            .string("redisUsername", "Name of the user in the server's access list; the default user when it is not given.").profile("password"),
            .string("redisPassword", sensitive: true, "Password of the user.").profile("password"),
            .integer("redisDB", default: "0", from: 0, "Number of the database that the keys are in."),
            .word("redisType", of: ["node", "cluster"], default: "node", "Kind of the server. Only node, a single server, is supported; for a cluster put a proxy in front of it."),
            .boolean("failover", default: "false", "Ask Sentinel for the server. Not supported: it must be false."),
            .boolean("enableTLS", default: "false", "Speak TLS with the server."),
            .boolean("insecureSkipTLSVerify", default: "false", "Accept any certificate of the server: for tests alone."),
            .string("caCert", "Authority that signs the server's certificate, as PEM text or a path; those of the system when it is not given."),
            .string("clientCert", "Certificate that is shown to the server, as PEM text or a path."),
            .string("clientKey", sensitive: true, "Private key of clientCert, as PEM text or a path."),
            .duration("dialTimeout", default: "5s", unit: millisecond, "How long connecting may take."),
            .duration("readTimeout", default: "3s", unit: millisecond, "Silence of the server after which it counts as lost."),
            .duration("writeTimeout", default: "3s", unit: millisecond, "As readTimeout; the longer of the two counts."),
            .duration("redisMinRetryInterval", default: "50ms", unit: millisecond, "Shortest wait before connecting again."),
            .duration("redisMaxRetryInterval", default: "5s", unit: millisecond, "Longest wait before connecting again."),
            .integer(
                "poolSize", default: "1",
                "Number of connections, at most 8. Requests share them without waiting for each other, so one is mostly best."),
            .integer("redisMaxRetries", default: "0", "No effect: resiliency policies repeat requests."),
            .duration("poolTimeout", unit: millisecond, "No effect: nothing waits for a connection."),
            .duration("maxConnAge", unit: millisecond, "No effect: connections stay open."),
            .integer("minIdleConns", "No effect: connections stay open."),
            .duration("idleCheckFrequency", unit: millisecond, "No effect: connections stay open."),
            .duration("idleTimeout", unit: millisecond, "No effect: connections stay open."),
        ]
    }
}
