/// The statements that are kept prepared. Parameters: 1 key, 2 value, 3 is_binary, 4 new etag, 5 expiration,
/// 6 now, 7 expected etag. Rows that expired by `now` don't exist.
enum Statement: Int {
    case begin
    case commit
    case rollback
    case savepoint
    case rollbackToSavepoint
    case releaseSavepoint
    case get
    case upsert
    case insertFirst
    case updateIfMatch
    case delete
    case deleteIfMatch
    case keysByPrefix
    case keysLike
    case deletePrefix
    case deletePrefixExpired
    case sweep

    static let count = 17

    func text(table: String) -> String {
        let live = "(expiration_time IS NULL OR expiration_time > ?6)"
        let columns = "(key, value, is_binary, etag, expiration_time, update_time) VALUES (?1, ?2, ?3, ?4, ?5, CURRENT_TIMESTAMP)"
        let assign =
            "SET value = excluded.value, is_binary = excluded.is_binary, etag = excluded.etag, "
            + "expiration_time = excluded.expiration_time, update_time = excluded.update_time"
        return switch self {
        case .begin: "BEGIN IMMEDIATE"
        case .commit: "COMMIT"
        case .rollback: "ROLLBACK"
        case .savepoint: "SAVEPOINT one"
        case .rollbackToSavepoint: "ROLLBACK TO one"
        case .releaseSavepoint: "RELEASE one"
        case .get: "SELECT value, is_binary, etag, expiration_time FROM \(table) WHERE key = ?1 AND \(live)"
        case .upsert: "INSERT INTO \(table) \(columns) ON CONFLICT (key) DO UPDATE \(assign)"
        case .insertFirst:
            "INSERT INTO \(table) \(columns) ON CONFLICT (key) DO UPDATE \(assign) WHERE NOT \(live)"
        case .updateIfMatch:
            "UPDATE \(table) SET value = ?2, is_binary = ?3, etag = ?4, expiration_time = ?5, "
                + "update_time = CURRENT_TIMESTAMP WHERE key = ?1 AND etag = ?7 AND \(live)"
        case .delete: "DELETE FROM \(table) WHERE key = ?1"
        case .deleteIfMatch: "DELETE FROM \(table) WHERE key = ?1 AND etag = ?7 AND \(live)"
        case .keysByPrefix:
            "SELECT key FROM \(table) WHERE key >= ?1 AND (?2 IS NULL OR key < ?2) AND (?3 IS NULL OR key > ?3) "
                + "AND \(live) ORDER BY key LIMIT ?4"
        case .keysLike:
            "SELECT key FROM \(table) WHERE key LIKE ?1 ESCAPE '\\' AND (?3 IS NULL OR key > ?3) "
                + "AND \(live) ORDER BY key LIMIT ?4"
        case .deletePrefix: "DELETE FROM \(table) WHERE key >= ?1 AND (?2 IS NULL OR key < ?2) AND \(live)"
        case .deletePrefixExpired: "DELETE FROM \(table) WHERE key >= ?1 AND (?2 IS NULL OR key < ?2)"
        case .sweep: "DELETE FROM \(table) WHERE expiration_time <= ?6"
        }
    }
}
