import PluginKit

/// The statements of a table of items, and what they give.
struct ConfigurationRows {
    /// More rows are no configuration.
    private static let limit = 1_000_000

    private let settings: ConfigurationSettings
    private let readAll, readSome, lock, write, remove, removeAll: Statement

    init(_ settings: ConfigurationSettings) {
        self.settings = settings
        let table = settings.table
        // The types of the columns are whoever's who made the table. Of several rows of a key the last counts.
        let columns = "SELECT key::text, value::text, version::text, metadata::text FROM \(table)"
        let order = " ORDER BY key::text COLLATE \"C\", length(version::text), version::text COLLATE \"C\" LIMIT \(Self.limit + 1)"
        readAll = Statement(columns + order, name: "read_all")
        readSome = Statement(columns + " WHERE key = ANY($1::text[])" + order, name: "read_some")
        // There may be no unique index: only one of all runtimes writes at a time.
        lock = Statement("SELECT pg_advisory_xact_lock(hashtextextended('octavo \(table)', 0))")
        let metadata = "json_object($4::text[], $5::text[])"
        write = Statement(
            "WITH changed AS (UPDATE \(table) SET value = $2, metadata = \(metadata), version = coalesce($3, CASE WHEN version ~ '^[0-9]{1,17}$' "
                + "THEN (version::bigint + 1)::text ELSE '1' END) WHERE key = $1 RETURNING 1) INSERT INTO \(table) (key, value, version, metadata) "
                + "SELECT $1, $2, coalesce($3, '1'), \(metadata) WHERE NOT EXISTS (SELECT FROM changed)", name: "write")
        remove = Statement("DELETE FROM \(table) WHERE key = ANY($1::text[])", name: "remove")
        removeAll = Statement("DELETE FROM \(table)", name: "remove_all")
    }

    /// Reads what exists, sorted by key.
    func read(_ keys: WatchedKeys, _ connection: Connection, _ done: @escaping (ConfigurationFollower.Items) -> Void) {
        let exchange = Exchange(isRead: true, weight: keys.keys.isEmpty ? 50 : 1) { outcome in
            switch outcome {
            case .done(let rows): done(Self.items(rows[0]))
            case .failed(let refusal): done(.failure(refusal.error))
            }
        }
        guard !keys.keys.isEmpty else {
            exchange.add(readAll)
            return connection.send(exchange)
        }
        Self.with(keys.keys) { texts in
            var parameters = Parameters()
            parameters.add(texts: texts)
            exchange.add(readSome, parameters)
            connection.send(exchange)
        }
    }

    /// Gives slices of `keys` to `body`.
    private static func with(_ keys: [[UInt8]], _ body: ([Str]) -> Void) {
        var all: [UInt8] = []
        for key in keys { all += key }
        all.append(0)
        all.withUnsafeBytes { bytes in
            var at = 0
            body(
                keys.map { key in
                    defer { at += key.count }
                    return Str(bytes.baseAddress! + at, key.count)
                })
        }
    }

    private static func items(_ rows: Rows) -> ConfigurationFollower.Items {
        guard rows.count <= limit else {
            return .failure(
                PluginError(OCTAVO_CODE_RESOURCE_EXHAUSTED, "The table holds more than \(limit) items. Name the keys that are wanted."))
        }
        var items: [ConfigurationItem] = []
        items.reserveCapacity(rows.count)
        for row in 0..<rows.count {
            let key = rows.text(row, 0)
            // A row without a key is nobody's.
            guard key.isPresent else { continue }
            let item = ConfigurationItem(
                key: key.array, value: rows.text(row, 1).array, version: rows.text(row, 2).array, metadata: metadata(rows.text(row, 3)))
            if let last = items.last, last.key == item.key { items.removeLast() }
            items.append(item)
        }
        return .success(items)
    }

    /// The members of a JSON object; what is none has none.
    private static func metadata(_ text: Str) -> [ConfigurationItem.Pair] {
        guard text.isPresent else { return [] }
        var pairs: [ConfigurationItem.Pair] = []
        do throws(PluginError) {
            try JSONReader.read(text.raw) { names, value in
                if names.count == 1 { pairs.append(ConfigurationItem.Pair(name: names[0], value: value)) }
            }
        } catch { return [] }
        return pairs
    }

    /// All of them or none.
    func set(_ items: octavo_list, _ exchange: Exchange) throws(PluginError) {
        exchange.add(lock)
        for index in 0..<Int(items.count) {
            let item = items.at(index, as: octavo_configuration_item.self).pointee
            if item.key.isEmpty { throw .invalid("An item needs a key.") }
            if !item.value.isPresent { throw .invalid("An item needs a value; remove takes one away.") }
            let pairs = (0..<Int(item.metadata.count)).map { item.metadata.at($0, as: octavo_pair.self).pointee }
            var parameters = Parameters()
            parameters.add(text: item.key)
            parameters.add(text: item.value)
            if item.version.isPresent { parameters.add(text: item.version) } else { parameters.add(text: nil) }
            parameters.add(texts: pairs.map { $0.name })
            parameters.add(texts: pairs.map { $0.value })
            exchange.add(write, parameters)
        }
    }

    /// None named: all.
    func remove(_ keys: octavo_list, _ exchange: Exchange) {
        guard keys.count > 0 else { return exchange.add(removeAll) }
        var parameters = Parameters()
        parameters.add(texts: (0..<Int(keys.count)).map { keys.at($0, as: octavo_str.self).pointee })
        exchange.add(remove, parameters)
    }
}
