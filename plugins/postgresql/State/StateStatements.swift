import PluginKit

/// The statements that are kept prepared. Parameters: 1 key, 2 value, 3 time to live in microseconds, last the etag that is
/// expected. Rows that have expired don't exist.
struct StateStatements {
    let get, bulkGet, remove, removeIfMatch, keys, keysLike, removePrefix, sweep, claimSweep: Statement
    let upsert, insertFirst, updateIfMatch: Statement
    /// The same for transactions: no row is an error of the server (division by zero), which undoes what came before.
    let strictFirst, strictUpdate, strictRemove: Statement

    /// The server's code for a division by zero.
    static let noRow: StaticString = "22012"

    init(_ settings: StateSettings) {
        let table = settings.table
        let live = "(expires_at IS NULL OR expires_at >= now())"
        let end = "now() + $3::bigint::double precision * interval '1 microsecond'"
        let insert =
            "INSERT INTO \(table) AS t (key, value, etag, expires_at) VALUES ($1, $2, gen_random_uuid(), \(end)) ON CONFLICT (key) "
            + "DO UPDATE SET value = excluded.value, updated_at = now(), etag = excluded.etag, expires_at = excluded.expires_at"
        let first = insert + " WHERE t.expires_at < now() RETURNING etag"
        let update =
            "UPDATE \(table) SET value = $2, updated_at = now(), etag = gen_random_uuid(), expires_at = \(end) "
            + "WHERE key = $1 AND etag = $4 AND \(live) RETURNING etag"
        let delete = "DELETE FROM \(table) WHERE key = $1 AND etag = $2 AND \(live) RETURNING etag"
        func strict(_ text: String) -> String { "WITH done AS (\(text)) SELECT 1 / count(*) FROM done" }

        get = Statement("SELECT value, etag, expires_at FROM \(table) WHERE key = $1 AND \(live)", name: "get")
        bulkGet = Statement(
            "SELECT t.value, t.etag, t.expires_at FROM unnest($1::text[]) WITH ORDINALITY AS wanted(key, place) "
                + "LEFT JOIN \(table) AS t ON t.key = wanted.key AND \(live) ORDER BY wanted.place", name: "bulk_get")
        upsert = Statement(insert + " RETURNING etag", name: "upsert")
        insertFirst = Statement(first, name: "insert_first")
        updateIfMatch = Statement(update, name: "update_if_match")
        remove = Statement("DELETE FROM \(table) WHERE key = $1", name: "remove")
        removeIfMatch = Statement(delete, name: "remove_if_match")
        strictFirst = Statement(strict(first), name: "strict_first")
        strictUpdate = Statement(strict(update), name: "strict_update")
        strictRemove = Statement(strict(delete), name: "strict_remove")
        // In the order of bytes, as pages and prefixes need it.
        let page = "AND ($3::text IS NULL OR key COLLATE \"C\" > $3) AND \(live) ORDER BY key COLLATE \"C\" LIMIT $2"
        keys = Statement("SELECT key FROM \(table) WHERE starts_with(key, $1) \(page)", name: "keys")
        keysLike = Statement("SELECT key FROM \(table) WHERE key LIKE $1 ESCAPE '\\' \(page)", name: "keys_like")
        removePrefix = Statement(
            "WITH done AS (DELETE FROM \(table) WHERE starts_with(key, $1) RETURNING \(live) AS was) "
                + "SELECT count(*) FILTER (WHERE was) FROM done", name: "remove_prefix")
        // Whoever is first of all that share the table.
        let metadata = settings.metadataTable
        claimSweep = Statement(
            "INSERT INTO \(metadata) AS m (key, value) VALUES ('last-cleanup-state-v2-\(metadata)', now()::text) ON CONFLICT (key) "
                + "DO UPDATE SET value = now()::text WHERE m.value::timestamptz < now() - $1::bigint::double precision * interval '1 microsecond'")
        sweep = Statement("DELETE FROM \(table) WHERE expires_at < now()")
    }
}
