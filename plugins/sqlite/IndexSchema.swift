import CSQLite
import PluginKit

/// The indexes of `queryIndexes` in the database: one on the expression of each member, which serves its texts and its numbers.
enum IndexSchema {
    private static var prefix: StaticString { "octavo_" }

    /// Makes those that are not there and drops those of an earlier configuration. Inside a transaction.
    static func prepare(_ settings: Settings, _ connection: Connection) throws(PluginError) {
        var wanted: [(name: String, path: [UInt8])] = []
        for index in settings.indexes.indexes where !wanted.contains(where: { $0.path == index.path }) {
            wanted.append(("\(Str(prefix).string)\(index.word)_\(settings.table)", index.path))
        }
        for name in try present(settings.table, connection) {
            if !wanted.contains(where: { Array($0.name.utf8) == name }) {
                try connection.run("DROP INDEX \(String(decoding: name, as: UTF8.self))")
            }
        }
        for index in wanted {
            let member = try JSONMember(index.path)
            try connection.run("CREATE INDEX IF NOT EXISTS \(index.name) ON \(settings.table) (\(member.value))")
        }
    }

    /// The names of those that were made for the table.
    private static func present(_ table: String, _ connection: Connection) throws(PluginError) -> [[UInt8]] {
        // Names that this store gives need no quotes; anybody else's are left alone.
        let statement = try connection.compile(
            "SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = '\(table)' COLLATE NOCASE "
                + "AND name GLOB '\(Str(prefix).string)[0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f]_\(table)'")
        defer { sqlite3_finalize(statement) }
        var names: [[UInt8]] = []
        while true {
            let code = sqlite3_step(statement)
            if code == SQLITE_DONE { return names }
            guard code == SQLITE_ROW else { throw connection.error(code) }
            names.append(column(statement, 0).array)
        }
    }
}
