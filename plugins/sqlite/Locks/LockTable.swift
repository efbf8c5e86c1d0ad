import CSQLite
import PluginKit
import SQLitePluginNative

/// The rows of locks. Times are CLOCK_BOOTTIME, which nobody sets and which goes on while the machine sleeps; with them is
/// kept which boot they are of: after another one all holders are gone. The row's number is the fencing token: SQLite
/// never gives one out twice (AUTOINCREMENT).
final class LockTable {
    private let connection: Connection
    /// In memory of its own, which statements point at.
    private let boot: Str
    private let name: String
    private let statements: [OpaquePointer]
    private var nextSweep: Int64 = 0

    private static let bootSize = 64
    private static let sweepInterval: Int64 = 60_000_000_000

    /// Parameters: 1 resource, 2 owner, 3 boot, 4 now, 5 end.
    private enum Step: Int {
        case begin, commit, rollback, find, clear, sweep, insert, delete, extend
    }

    private static func texts(_ table: String) -> [String] {
        let live = "(boot = ?3 AND expires > ?4)"
        return [
            "BEGIN IMMEDIATE", "COMMIT", "ROLLBACK",
            "SELECT owner, fencing FROM \(table) WHERE resource = ?1 AND \(live)",
            "DELETE FROM \(table) WHERE resource = ?1 AND NOT \(live)",
            "DELETE FROM \(table) WHERE NOT \(live)",
            "INSERT INTO \(table) (resource, owner, boot, expires) VALUES (?1, ?2, ?3, ?5) ON CONFLICT (resource) DO NOTHING",
            "DELETE FROM \(table) WHERE resource = ?1 AND owner = ?2 AND \(live)",
            "UPDATE \(table) SET expires = ?5 WHERE resource = ?1 AND owner = ?2 AND \(live)",
        ]
    }

    init(_ settings: Settings) throws(PluginError) {
        connection = try Connection(settings)
        name = settings.table
        let memory = UnsafeMutablePointer<CChar>.allocate(capacity: Self.bootSize)
        boot = Str(UnsafeRawPointer(memory), Int(sqlite_native_boot(memory, Self.bootSize)))
        guard !boot.isEmpty else {
            memory.deallocate()
            throw PluginError(
                OCTAVO_CODE_FAILED_PRECONDITION,
                "Which boot of the machine this is can't be read (/proc/sys/kernel/random/boot_id). Mount /proc.")
        }
        var made: [OpaquePointer] = []
        do throws(PluginError) {
            try connection.run(
                "CREATE TABLE IF NOT EXISTS \(name) (fencing INTEGER PRIMARY KEY AUTOINCREMENT, resource TEXT NOT NULL UNIQUE, "
                    + "owner TEXT NOT NULL, boot TEXT NOT NULL, expires INTEGER NOT NULL)")
            for text in Self.texts(name) { made.append(try connection.compile(text, kept: true)) }
        } catch {
            for statement in made { sqlite3_finalize(statement) }
            memory.deallocate()
            throw error
        }
        statements = made
    }

    deinit {
        for statement in statements { sqlite3_finalize(statement) }
        boot.data?.deallocate()
    }

    func check() throws(PluginError) { try connection.run("SELECT 1 FROM \(name) LIMIT 1") }

    private struct Times {
        let now = sqlite_native_boottime()
        var end: Int64 = 0

        init(expiry: Int64 = 0) {
            let (sum, overflow) = now.addingReportingOverflow(expiry)
            end = overflow ? .max : sum
        }
    }

    func tryLock(_ resource: Str, _ owner: Str, _ expiry: Int64) throws(PluginError) -> (LockReply.Result, UInt64) {
        // Most that ask for a lock that is held ask again and again: they need not wait for the one that writes.
        if try holder(resource, owner, Times()) != nil { return (.held, 0) }
        _ = try run(.begin)
        do throws(PluginError) {
            // It may have waited for its turn: the expiry counts from here.
            let times = Times(expiry: expiry)
            _ = try run(sweepsNow(times.now) ? .sweep : .clear, resource, owner, times)
            let isMine = try run(.insert, resource, owner, times) > 0
            let fencing = UInt64(bitPattern: sqlite3_last_insert_rowid(connection.db))
            _ = try run(.commit)
            return isMine ? (.ok, fencing) : (.held, 0)
        } catch {
            if connection.isInTransaction {
                do throws(PluginError) { _ = try run(.rollback) } catch {}
            }
            throw error
        }
    }

    func unlock(_ resource: Str, _ owner: Str) throws(PluginError) -> LockReply.Result {
        let times = Times()
        if try run(.delete, resource, owner, times) > 0 { return .ok }
        return try refusal(resource, owner, times)
    }

    func extend(_ resource: Str, _ owner: Str, _ expiry: Int64) throws(PluginError) -> (LockReply.Result, UInt64) {
        let times = Times(expiry: expiry)
        if try run(.extend, resource, owner, times) > 0 {
            return (.ok, try holder(resource, owner, times)?.fencing ?? 0)
        }
        return (try refusal(resource, owner, times), 0)
    }

    /// Why nothing was done.
    private func refusal(_ resource: Str, _ owner: Str, _ times: Times) throws(PluginError) -> LockReply.Result {
        guard let holder = try holder(resource, owner, times) else { return .notFound }
        // Its own, and a moment ago it was not: it has lost it and got it again. What was asked about is gone.
        return holder.isOwner ? .notFound : .otherOwner
    }

    private func holder(
        _ resource: Str, _ owner: Str, _ times: Times
    ) throws(PluginError) -> (isOwner: Bool, fencing: UInt64)? {
        let statement = statements[Step.find.rawValue]
        defer {
            sqlite3_reset(statement)
            sqlite3_clear_bindings(statement)
        }
        bind(statement, 1, resource)
        bind(statement, 3, boot)
        sqlite3_bind_int64(statement, 4, times.now)
        let code = sqlite3_step(statement)
        if code == SQLITE_DONE { return nil }
        guard code == SQLITE_ROW else { throw connection.error(code) }
        return (column(statement, 0).equals(owner), UInt64(bitPattern: sqlite3_column_int64(statement, 1)))
    }

    private func sweepsNow(_ now: Int64) -> Bool {
        guard now >= nextSweep else { return false }
        nextSweep = now + Self.sweepInterval
        return true
    }

    private func run(_ step: Step) throws(PluginError) -> Int64 { try connection.change(statements[step.rawValue]) }

    /// The number of rows that it changed.
    private func run(_ step: Step, _ resource: Str, _ owner: Str, _ times: Times) throws(PluginError) -> Int64 {
        let statement = statements[step.rawValue]
        // What a statement does not name is not taken by it.
        bind(statement, 1, resource)
        bind(statement, 2, owner)
        bind(statement, 3, boot)
        sqlite3_bind_int64(statement, 4, times.now)
        sqlite3_bind_int64(statement, 5, times.end)
        return try connection.change(statement)
    }
}
