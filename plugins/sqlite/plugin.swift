import PluginKit

/// Made once, when the runtime first asks for it, and constant after that.
nonisolated(unsafe) private let descriptor = describe(
    id: "sqlite", version: "1.0.0", description: "State, messages, locks, configuration and names in files of SQLite",
    requires: OCTAVO_FEATURE_CALLS | OCTAVO_FEATURE_SOURCES,
    types: [
        .stateStore(
            "state.sqlite", aliases: ["state.sqlite3"], .blocking(workers: 4), flags: OCTAVO_TYPE_EXCLUSIVE,
            features: SQLiteStore.offered,
            schema: Schema(
                title: "SQLite", description: "Keeps values in a database file of this machine.",
                links: ["https://www.sqlite.org"],
                fields: [
                    .string(
                        "connectionString", default: "octavo.db", example: "file:state.db",
                        "Path or URI of the database, or :memory:. A relative path is inside the data folder."),
                    .string("tableName", default: "state", "Table of the values: letters, digits and _."),
                    .string("metadataTableName", default: "metadata", "Table of the schema's version."),
                    .duration("timeout", default: "20s", "How long a read or a query may take."),
                    .duration(
                        "busyTimeout", default: "2s", unit: 1_000_000,
                        "How long to wait for a lock that another process holds."),
                    .boolean("disableWAL", default: "false", "Use a rollback journal in place of a write-ahead log, as network file systems need it."),
                    .word(
                        "synchronous", of: ["FULL", "NORMAL"], default: "FULL",
                        "FULL: a write survives a power loss. NORMAL: faster; the last writes before a power loss may be undone."),
                    .duration(
                        "cleanupInterval", default: "1h",
                        "How often expired rows are deleted; 0 = never. They are invisible in any case.")
                        .alias("cleanupIntervalInSeconds"),
                    .string(
                        "queryIndexes", example: "[{\"name\":\"orgs\",\"indexes\":[{\"key\":\"person.org\",\"type\":\"TEXT\"}]}]",
                        "Members of JSON values that queries find by an index: a list of names with their keys and types (TEXT or NUMERIC)."),
                ]),
            make: { (config, instance) throws(PluginError) in SQLiteStore(try Settings(config), instance) }),
        .pubSub(
            "pubsub.sqlite", .inline, features: SQLiteBroker.offered,
            schema: Schema(
                title: "SQLite messages",
                description: "Topics with consumer groups in a database file, for the processes of one machine; a message that was taken over survives a power loss.",
                links: ["https://www.sqlite.org"], fields: BrokerSettings.fields),
            make: { (config, instance) throws(PluginError) in
                try SQLiteBroker(Settings(config), BrokerSettings(config), instance)
            }),
        .lockStore(
            "lock.sqlite", .blocking(workers: 1), features: SQLiteLocks.offered,
            schema: Schema(
                title: "SQLite locks", description: "Locks of the processes of one machine, in a database file of it.",
                links: ["https://www.sqlite.org"], fields: Settings.shared(file: "locks.db", table: "locks")),
            make: { (config, instance) throws(PluginError) in try SQLiteLocks(Settings(config), instance) }),
        .configurationStore(
            "configuration.sqlite", .blocking(workers: 1), features: SQLiteConfiguration.offered,
            schema: Schema(
                title: "SQLite configuration", description: "Configuration in a database file of this machine, which anybody may write to.",
                links: ["https://www.sqlite.org"], fields: Settings.shared(file: "configuration.db", table: "configuration")),
            make: { (config, instance) throws(PluginError) in try SQLiteConfiguration(Settings(config), instance) }),
        .nameResolver(
            "nameresolution.sqlite", .blocking(workers: 1), features: SQLiteNames.offered,
            schema: Schema(
                title: "SQLite names", description: "The runtimes of one machine find each other in a database file of it.",
                links: ["https://www.sqlite.org"], fields: SQLiteNames.fields),
            make: { (config, instance) throws(PluginError) in try SQLiteNames(Settings(config), config, instance) }),
    ])

/// The one symbol that the plugin exports.
@c(octavo_plugin_v1)
public func octavo_plugin_v1() -> UnsafePointer<octavo_plugin>? { descriptor }
