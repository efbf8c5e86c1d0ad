import CSQLite
import PluginKit
import SQLitePluginNative

/// The rows of instances: one each, with the time when it was last known to live. As Dapr's resolver of this name has them.
/// Used by one thread at a time.
final class HostsTable {
    private let connection: Connection
    private let name: String
    private let find: OpaquePointer
    private let put: OpaquePointer
    private let remove: OpaquePointer
    private let sweep: OpaquePointer

    init(_ settings: Settings) throws(PluginError) {
        connection = try Connection(settings)
        name = settings.table
        try connection.run(
            "CREATE TABLE IF NOT EXISTS \(name) (registration_id TEXT NOT NULL PRIMARY KEY, address TEXT NOT NULL, "
                + "app_id TEXT NOT NULL, namespace TEXT NOT NULL, last_update INTEGER NOT NULL)")
        try connection.run("CREATE UNIQUE INDEX IF NOT EXISTS \(name)_address_idx ON \(name) (address)")
        try connection.run("CREATE INDEX IF NOT EXISTS \(name)_app_id_idx ON \(name) (app_id, namespace, last_update)")
        find = try connection.compile(
            "SELECT address FROM \(name) WHERE app_id = ?1 AND namespace = ?2 AND last_update > ?3 ORDER BY address", kept: true)
        // An address belongs to whoever listens there now.
        put = try connection.compile(
            "INSERT OR REPLACE INTO \(name) (registration_id, address, app_id, namespace, last_update) VALUES (?1, ?2, ?3, ?4, ?5)",
            kept: true)
        remove = try connection.compile("DELETE FROM \(name) WHERE registration_id = ?1", kept: true)
        sweep = try connection.compile("DELETE FROM \(name) WHERE last_update < ?1", kept: true)
    }

    deinit { for statement in [find, put, remove, sweep] { sqlite3_finalize(statement) } }

    func check() throws(PluginError) { try connection.run("SELECT 1 FROM \(name) LIMIT 1") }

    /// `after`: seconds since 1970; rows of earlier ones are of instances that have gone.
    func addresses(_ app: Str, _ namespace: Str, after: Int64) throws(PluginError) -> [[UInt8]] {
        defer {
            sqlite3_reset(find)
            sqlite3_clear_bindings(find)
        }
        bind(find, 1, app)
        bind(find, 2, namespace)
        sqlite3_bind_int64(find, 3, after)
        var found: [[UInt8]] = []
        while true {
            let code = sqlite3_step(find)
            if code == SQLITE_DONE { return found }
            guard code == SQLITE_ROW else { throw connection.error(code) }
            found.append(column(find, 0).array)
        }
    }

    func write(_ host: NameInstance, now: Int64) throws(PluginError) {
        var failure: PluginError?
        host.withTexts { id, address, app, namespace in
            bind(put, 1, id)
            bind(put, 2, address)
            bind(put, 3, app)
            bind(put, 4, namespace)
            sqlite3_bind_int64(put, 5, now)
            do throws(PluginError) { _ = try connection.change(put) } catch { failure = error }
        }
        if let failure { throw failure }
    }

    func delete(_ host: NameInstance) throws(PluginError) {
        var failure: PluginError?
        host.withTexts { id, _, _, _ in
            bind(remove, 1, id)
            do throws(PluginError) { _ = try connection.change(remove) } catch { failure = error }
        }
        if let failure { throw failure }
    }

    func deleteOlder(than time: Int64) throws(PluginError) {
        sqlite3_bind_int64(sweep, 1, time)
        _ = try connection.change(sweep)
    }
}

extension NameInstance {
    /// As a row has them: name, address, app and namespace.
    func withTexts(_ use: (Str, Str, Str, Str) -> Void) {
        name.withUnsafeBytes { id in
            address.text.withUnsafeBytes { address in
                app.withUnsafeBytes { app in namespace.withUnsafeBytes { use(Str(id), Str(address), Str(app), Str($0)) } }
            }
        }
    }
}
