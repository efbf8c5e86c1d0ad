import PluginKit

/// The metadata of `state.postgresql`, checked.
struct StateSettings {
    let common: Settings
    /// "state" with the prefix, which may name a schema.
    let table: String
    let metadataTable: String
    /// The key in the table of metadata under which the level of the schema is kept.
    let levelKey: String
    /// Nanoseconds; 0 = never.
    let cleanupInterval: Int64
    let indexes: QueryIndexes

    init(_ config: Config) throws(PluginError) {
        common = try Settings(config)
        let prefix = config.string("tablePrefix") ?? ""
        table = try Settings.table(prefix + "state", of: "tablePrefix")
        metadataTable = try Settings.table(config.string("metadataTableName") ?? "dapr_metadata", of: "metadataTableName")
        levelKey = "migrations-state-v2-" + prefix
        cleanupInterval = max(config.duration("cleanupInterval") ?? 3_600_000_000_000, 0)
        indexes = try QueryIndexes(config.text("queryIndexes"))
    }

    /// The table's schema with the dot, empty when it has none; and its name alone.
    private var parts: (schema: String, name: String) {
        let bytes = Array(table.utf8)
        guard let dot = bytes.firstIndex(of: 0x2E) else { return ("", table) }
        return (String(decoding: bytes[...dot], as: UTF8.self), String(decoding: bytes[(dot + 1)...], as: UTF8.self))
    }

    var schema: String { parts.schema }
    var bareTable: String { parts.name }
    /// The function that makes a value a document, NULL when it is none.
    var function: String { parts.schema + "octavo_json" }

    /// A name of PostgreSQL has 63 bytes.
    func indexName(_ index: QueryIndexes.Index) -> String {
        String(decoding: Array("octavo_\(index.word)_\(bareTable)".utf8).prefix(63), as: UTF8.self)
    }

    static var fields: [Field] {
        Settings.fields + [
            .string("tablePrefix", example: "shop_", "Prefix of the table \"state\", a schema and a dot if you like."),
            .string("metadataTableName", default: "dapr_metadata", "Table of the schema's level and of the last cleanup."),
            .duration(
                "cleanupInterval", default: "1h", "How often expired rows are deleted; 0 = never. They are invisible in any case.")
                .alias("cleanupIntervalInSeconds"),
            .string(
                "queryIndexes", example: "[{\"name\":\"orgs\",\"indexes\":[{\"key\":\"person.org\",\"type\":\"TEXT\"}]}]",
                "Members of JSON values that queries find by an index: a list of names with their keys and types (TEXT or NUMERIC)."),
        ]
    }
}
