import CSQLite
import PluginKit

/// The rows of configuration on one connection: `key`, `value`, `version`. Anybody may write them with SQL. Used by one
/// thread at a time.
final class ConfigurationTable {
    private let connection: Connection
    private let name: String
    private let timeout: Int64
    private let readOne: OpaquePointer
    private let readAll: OpaquePointer
    private let dataVersion: OpaquePointer

    init(_ settings: Settings) throws(PluginError) {
        connection = try Connection(settings)
        name = settings.table
        timeout = settings.timeout
        try connection.run(
            "CREATE TABLE IF NOT EXISTS \(name) (key TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL, "
                + "version TEXT NOT NULL DEFAULT '1')")
        readOne = try connection.compile("SELECT key, value, version FROM \(name) WHERE key = ?1", kept: true)
        readAll = try connection.compile("SELECT key, value, version FROM \(name) ORDER BY key", kept: true)
        dataVersion = try connection.compile("PRAGMA data_version", kept: true)
    }

    deinit {
        sqlite3_finalize(readOne)
        sqlite3_finalize(readAll)
        sqlite3_finalize(dataVersion)
    }

    func check() throws(PluginError) { try connection.run("SELECT 1 FROM \(name) LIMIT 1") }

    /// Another number than before: somebody else has written.
    func changeNumber() throws(PluginError) -> Int64 {
        defer { sqlite3_reset(dataVersion) }
        let code = sqlite3_step(dataVersion)
        guard code == SQLITE_ROW else { throw connection.error(code) }
        return sqlite3_column_int64(dataVersion, 0)
    }

    /// Those that exist, sorted by key.
    func read(_ keys: WatchedKeys) throws(PluginError) -> [ConfigurationItem] {
        connection.setDeadline(after: timeout)
        var items: [ConfigurationItem] = []
        if keys.keys.isEmpty {
            try rows(readAll, &items)
        } else {
            for key in keys.keys {
                var failure: PluginError?
                key.withUnsafeBytes { bytes in
                    bind(readOne, 1, Str(bytes))
                    do throws(PluginError) { try rows(readOne, &items) } catch { failure = error }
                }
                if let failure { throw failure }
            }
        }
        return items
    }

    private func rows(_ statement: OpaquePointer, _ items: inout [ConfigurationItem]) throws(PluginError) {
        defer {
            sqlite3_reset(statement)
            sqlite3_clear_bindings(statement)
        }
        while true {
            let code = sqlite3_step(statement)
            if code == SQLITE_DONE { return }
            guard code == SQLITE_ROW else { throw connection.error(code) }
            items.append(
                ConfigurationItem(
                    key: column(statement, 0).array, value: column(statement, 1).array, version: column(statement, 2).array))
        }
    }

    /// All of them or none. A version that is not given is the next number.
    func set(_ items: octavo_list) throws(PluginError) {
        for index in 0..<Int(items.count) {
            let item = items.at(index, as: octavo_configuration_item.self)
            if item.pointee.metadata.count > 0 {
                throw .invalid("This configuration store keeps no metadata of an item. Set it without.")
            }
            if item.pointee.key.isEmpty { throw .invalid("An item needs a key.") }
            if !item.pointee.value.isPresent { throw .invalid("An item needs a value; remove takes one away.") }
        }
        let statement = try connection.compile(
            "INSERT INTO \(name) (key, value, version) VALUES (?1, ?2, coalesce(?3, '1')) ON CONFLICT (key) DO UPDATE SET "
                + "value = excluded.value, version = coalesce(?3, CAST(CAST(version AS INTEGER) + 1 AS TEXT))")
        defer { sqlite3_finalize(statement) }
        try transaction { () throws(PluginError) in
            for index in 0..<Int(items.count) {
                let item = items.at(index, as: octavo_configuration_item.self)
                bind(statement, 1, item.pointee.key)
                bind(statement, 2, item.pointee.value)
                if item.pointee.version.isPresent { bind(statement, 3, item.pointee.version) }
                _ = try self.connection.change(statement)
            }
        }
    }

    /// None named: all.
    func remove(_ keys: octavo_list) throws(PluginError) {
        if keys.count == 0 { return try connection.run("DELETE FROM \(name)") }
        let statement = try connection.compile("DELETE FROM \(name) WHERE key = ?1")
        defer { sqlite3_finalize(statement) }
        try transaction { () throws(PluginError) in
            for index in 0..<Int(keys.count) {
                bind(statement, 1, keys.at(index, as: octavo_str.self).pointee)
                _ = try self.connection.change(statement)
            }
        }
    }

    private func transaction(_ body: () throws(PluginError) -> Void) throws(PluginError) {
        connection.setDeadline(after: timeout)
        try connection.run("BEGIN IMMEDIATE")
        do throws(PluginError) {
            try body()
            try connection.run("COMMIT")
        } catch {
            if connection.isInTransaction {
                do throws(PluginError) { try connection.run("ROLLBACK") } catch {}
            }
            throw error
        }
    }
}
