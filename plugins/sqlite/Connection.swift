import CSQLite
import PluginKit
import SQLitePluginNative

/// One connection and its prepared statements. Used by one thread at a time.
final class Connection {
    let db: OpaquePointer
    private let settings: Settings
    private var statements: [OpaquePointer?] = [OpaquePointer?](repeating: nil, count: Statement.count)
    /// When the present statement must have ended, CLOCK_MONOTONIC; 0 = whenever.
    private let deadline: UnsafeMutablePointer<Int64>

    init(_ settings: Settings) throws(PluginError) {
        self.settings = settings
        var handle: OpaquePointer?
        var flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX
        if settings.isURI { flags |= SQLITE_OPEN_URI }
        let code = sqlite3_open_v2(settings.target, &handle, flags, nil)
        guard code == SQLITE_OK, let handle else {
            let failure = failure(code, handle, settings)
            sqlite3_close_v2(handle)
            throw failure
        }
        db = handle
        deadline = .allocate(capacity: 1)
        deadline.initialize(to: 0)
        sqlite3_extended_result_codes(db, 1)
        sqlite3_busy_timeout(db, settings.busyTimeout)
        sqlite_native_watch_deadline(db, deadline)
        if settings.usesWAL { try run("PRAGMA journal_mode=WAL") }
        try run(settings.isFull ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL")
        try run("PRAGMA case_sensitive_like=ON")
    }

    deinit {
        for statement in statements { sqlite3_finalize(statement) }
        sqlite3_close_v2(db)
        deadline.deallocate()
    }

    func setDeadline(after nanoseconds: Int64) {
        deadline.pointee = nanoseconds > 0 ? plugin_kit_monotonic() + nanoseconds : 0
    }

    /// The error for `code`, which the connection has just given.
    func error(_ code: Int32) -> PluginError { failure(code, db, settings) }

    /// Runs a statement that is needed once.
    func run(_ text: String) throws(PluginError) {
        let statement = try compile(text)
        defer { sqlite3_finalize(statement) }
        var code = sqlite3_step(statement)
        while code == SQLITE_ROW { code = sqlite3_step(statement) }
        if code != SQLITE_DONE { throw error(code) }
    }

    /// A statement for one use; the caller finalizes it.
    func compile(_ text: String, kept: Bool = false) throws(PluginError) -> OpaquePointer {
        var statement: OpaquePointer?
        var text = text
        let code = text.withUTF8 { bytes in
            sqlite3_prepare_v3(
                db, UnsafeRawPointer(bytes.baseAddress!).assumingMemoryBound(to: CChar.self), Int32(bytes.count),
                kept ? UInt32(SQLITE_PREPARE_PERSISTENT) : 0, &statement, nil)
        }
        guard code == SQLITE_OK, let statement else { throw error(code) }
        return statement
    }

    /// A prepared statement; reset it after use.
    func prepared(_ which: Statement) throws(PluginError) -> OpaquePointer {
        if let statement = statements[which.rawValue] { return statement }
        let statement = try compile(which.text(table: settings.table), kept: true)
        statements[which.rawValue] = statement
        return statement
    }

    /// Runs a prepared statement that gives no rows; the number of rows that it changed. What was bound
    /// is let go.
    func change(_ statement: OpaquePointer) throws(PluginError) -> Int64 {
        let code = sqlite3_step(statement)
        let failure = code == SQLITE_DONE || code == SQLITE_ROW ? nil : error(code)
        sqlite3_reset(statement)
        sqlite3_clear_bindings(statement)
        if let failure { throw failure }
        return sqlite3_changes64(db)
    }

    var isInTransaction: Bool { sqlite3_get_autocommit(db) == 0 }
}

/// Binds text that stays until the statement is reset.
func bind(_ statement: OpaquePointer, _ index: Int32, _ text: Str) {
    _ = sqlite_native_bind_text(statement, index, text.data, text.size)
}

/// A column as bytes; valid until the statement moves on.
func column(_ statement: OpaquePointer, _ index: Int32) -> Str {
    guard let text = sqlite3_column_text(statement, index) else { return .absent }
    return Str(UnsafeRawPointer(text), Int(sqlite3_column_bytes(statement, index)))
}

/// What an error of SQLite means for an operator.
private func failure(_ code: Int32, _ db: OpaquePointer?, _ settings: Settings) -> PluginError {
    let said = String(cString: sqlite_native_message(db, code))
    let name = settings.name
    switch code & 0xFF {
    case SQLITE_BUSY, SQLITE_LOCKED:
        return PluginError(
            OCTAVO_CODE_UNAVAILABLE,
            "The database \(name) stayed locked by another process for \(settings.busyTimeout) ms (\(said)). Close it there, or raise busyTimeout.",
            reason: "DATABASE_LOCKED", flags: OCTAVO_ERROR_RETRYABLE)
    case SQLITE_FULL:
        return PluginError(
            OCTAVO_CODE_RESOURCE_EXHAUSTED, "The disk of the database \(name) is full; nothing was written. Make room.",
            reason: "DISK_FULL")
    case SQLITE_CORRUPT:
        return PluginError(
            OCTAVO_CODE_DATA_LOSS,
            "The database \(name) is damaged (\(said)). Restore a backup, or try `sqlite3 FILE .recover`.",
            reason: "DATABASE_CORRUPT", flags: OCTAVO_ERROR_PERMANENT)
    case SQLITE_NOTADB:
        return PluginError(
            OCTAVO_CODE_FAILED_PRECONDITION,
            "The file \(name) is not a database of SQLite (or is encrypted). Point connectionString at another file.",
            reason: "NOT_A_DATABASE", flags: OCTAVO_ERROR_PERMANENT)
    case SQLITE_READONLY, SQLITE_PERM, SQLITE_AUTH:
        return PluginError(
            OCTAVO_CODE_PERMISSION_DENIED,
            "The database \(name) can't be written (\(said)). The file and its folder must be writable for this user.")
    case SQLITE_CANTOPEN:
        return PluginError(
            OCTAVO_CODE_UNAVAILABLE,
            "The database \(name) can't be opened (\(said)). Does its folder exist, and may this user write there?",
            flags: OCTAVO_ERROR_OUTAGE)
    case SQLITE_IOERR:
        return PluginError(
            OCTAVO_CODE_UNAVAILABLE, "Reading or writing the database \(name) failed (\(said)). Look at the disk.",
            flags: OCTAVO_ERROR_OUTAGE | OCTAVO_ERROR_MAY_HAVE_TAKEN_EFFECT)
    case SQLITE_INTERRUPT:
        return PluginError(
            OCTAVO_CODE_DEADLINE_EXCEEDED, "The statement took longer than the setting timeout allows.")
    case SQLITE_TOOBIG:
        return PluginError(OCTAVO_CODE_INVALID_ARGUMENT, "The key or the value is bigger than SQLite takes (1 GB).")
    case SQLITE_NOMEM:
        return PluginError(OCTAVO_CODE_RESOURCE_EXHAUSTED, "There is no memory left for the statement.")
    default:
        return PluginError(OCTAVO_CODE_INTERNAL, "The database \(name) answered: \(said) (code \(code)).")
    }
}
