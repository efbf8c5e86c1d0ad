import PluginKit

extension Settings {
    /// The metadata of types whose database is shared between processes.
    static func shared(file: StaticString, table: StaticString) -> [Field] {
        [
            .string(
                "connectionString", default: file, example: "/var/lib/app/shared.db",
                "Path or file: URI of the database. A relative path is inside the data folder."),
            .string("tableName", default: table, "Name of the table: letters, digits and _."),
            .duration("timeout", default: "20s", "How long a statement may take."),
            .duration(
                "busyTimeout", default: "2s", unit: 1_000_000, "How long to wait for a lock that another process holds."),
            .boolean("disableWAL", default: "false", "Use a rollback journal in place of a write-ahead log, as network file systems need it."),
            .word(
                "synchronous", of: ["FULL", "NORMAL"], default: "FULL",
                "FULL: a write survives a power loss. NORMAL: faster; the last writes before a power loss may be undone."),
        ]
    }
}
