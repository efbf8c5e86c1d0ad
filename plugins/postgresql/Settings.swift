import PluginKit

/// The metadata that all types have, checked.
struct Settings {
    let component: String
    let target: ConnectionString
    /// How long a statement may take, nanoseconds.
    let timeout: Int64
    let connectTimeout: Int64
    let connections: Int
    /// Statements are prepared once a connection. Poolers that share connections do not bear it.
    let keepsPrepared: Bool

    /// For messages.
    var address: String { target.address }
    /// A server that says nothing for so long, though it is asked for something, counts as lost.
    var silence: Int64 { timeout + 2_000_000_000 }

    init(_ config: Config) throws(PluginError) {
        component = config.component.string
        if config.flag("useAzureAD") || config.flag("useAWSIAM") {
            throw .invalid("Tokens of a cloud (useAzureAD, useAWSIAM) are not supported. Name user and password in connectionString.")
        }
        let text = config.text("connectionString")
        guard !text.isEmpty || !config.text("host").isEmpty || !config.text("hostaddr").isEmpty else {
            throw .invalid("The setting connectionString is missing: \"host=localhost user=app password=… port=5432 dbname=app\".")
        }
        target = try ConnectionString(
            text,
            [
                ("host", config.text("host")), ("hostaddr", config.text("hostaddr")), ("port", config.text("port")),
                ("dbname", config.text("database")), ("user", config.text("user")), ("password", config.text("password")),
                ("sslrootcert", config.text("sslRootCert")),
            ])
        timeout = config.duration("timeout") ?? 20_000_000_000
        if timeout < 1_000_000 { throw .invalid("The setting timeout has to be longer than that: a statement needs time.") }
        connectTimeout = (target.connectTimeout ?? 5) * 1_000_000_000
        let wanted = config.integer("maxConns") ?? 0
        connections = wanted <= 0 ? 4 : Int(min(wanted, 64))
        // The first two words keep something in the server.
        keepsPrepared = (config.integer("queryExecMode") ?? 0) < 1
    }

    /// "name" or "schema.name" as part of a statement: letters, digits and `_`, unquoted, as Dapr has them.
    static func table(_ name: String, of setting: StaticString) throws(PluginError) -> String {
        var isGood = !name.utf8.isEmpty && name.utf8.count <= 127
        var isFirst = true, dots = 0
        for byte in name.utf8 {
            switch byte {
            case 0x41...0x5A, 0x61...0x7A, 0x5F: isFirst = false
            case 0x30...0x39: if isFirst { isGood = false }
            case 0x2E:
                if isFirst { isGood = false }
                isFirst = true
                dots += 1
            default: isGood = false
            }
        }
        guard isGood, !isFirst, dots <= 1 else {
            throw .invalid(
                "The setting \(Str(setting).string) gives \"\(name)\", which is no table name: use letters, digits and _, not a digit first, with the schema and a dot before it if you like.")
        }
        return name
    }

    /// The metadata of all types.
    static var fields: [Field] {
        [
            .string(
                "connectionString", required: true, sensitive: true, example: "host=localhost user=app password=… port=5432 dbname=app sslmode=verify-full",
                "Keywords and values as libpq has them, or a URI: server, user, TLS (sslmode, sslrootcert, sslcert, sslkey).")
                .profile("Connection string"),
            .string("host", required: true, "Name of the server, in place of connectionString's.").profile("Host"),
            .string("hostaddr", required: true, "Address of the server, in place of connectionString's.").profile("Address"),
            .string("port", "Port, in place of connectionString's."),
            .string("database", "Database, in place of connectionString's."),
            .string("user", "User, in place of connectionString's."),
            .string("password", sensitive: true, "Password, in place of connectionString's."),
            .string("sslRootCert", "Path of the authority's certificate, in place of connectionString's sslrootcert."),
            .duration("timeout", default: "20s", "How long a statement may take.").alias("timeoutInSeconds"),
            .integer("maxConns", default: "0", to: 64, "Connections; 0 = 4. Requests share them without waiting for each other."),
            .duration("connectionMaxIdleTime", "No effect: connections stay open.").alias("connMaxIdleTime"),
            .word(
                "queryExecMode", of: ["cache_statement", "cache_describe", "describe_exec", "exec", "simple_protocol"],
                default: "cache_statement",
                "cache_statement prepares statements; any other word does not, for poolers that share connections."),
            .boolean("useAzureAD", default: "false", "Not supported."),
            .boolean("useAWSIAM", default: "false", "Not supported."),
        ]
    }
}
