import CSQLite
import PluginKit
import SQLitePluginNative

/// A message that a source is to be given.
struct StoredMessage {
    let id: Int64
    let data: [UInt8]
    let contentType: [UInt8]
    let pairs: [([UInt8], [UInt8])]
    let published: Int64
    var attempt: UInt32
}

/// Messages, the groups that take them, and who has which. `position` of a group is the last message that was taken out of the
/// line; one that was taken and is not done has a lease. Two connections to one file: what is published is on the disk
/// before it is acknowledged; leases, which time mends, don't wait for the disk. Used by one thread.
final class BrokerTables {
    private let durable: Connection
    private let quick: Connection
    private let name: String
    /// This process among those that share the file.
    private let owner: Int64
    private var durableStatements: [OpaquePointer] = []
    private var quickStatements: [OpaquePointer] = []

    private enum Durable: Int { case begin, commit, rollback, publish }
    /// Parameters: 1 topic, 2 group, 3 id, 4 owner, 5 until, 6 now, 7 limit.
    private enum Quick: Int {
        case begin, commit, rollback, join, expired, fresh, lease, move, takeOver, done, again, release, renew, sweepDone, sweepOld, version
    }

    init(_ settings: Settings) throws(PluginError) {
        durable = try Connection(settings)
        quick = try Connection(settings)
        name = settings.table
        owner = Int64(bitPattern: Host.random() >> 1)
        try quick.run("PRAGMA synchronous=NORMAL")
        let t = settings.table
        try durable.run(
            "CREATE TABLE IF NOT EXISTS \(t) (id INTEGER PRIMARY KEY AUTOINCREMENT, topic TEXT NOT NULL, data BLOB NOT NULL, "
                + "content_type TEXT NOT NULL, metadata BLOB NOT NULL, published INTEGER NOT NULL, expires INTEGER NOT NULL)")
        try durable.run("CREATE INDEX IF NOT EXISTS \(t)_topic ON \(t) (topic, id)")
        try durable.run(
            "CREATE TABLE IF NOT EXISTS \(t)_groups (topic TEXT NOT NULL, name TEXT NOT NULL, position INTEGER NOT NULL, "
                + "PRIMARY KEY (topic, name)) WITHOUT ROWID")
        try durable.run(
            "CREATE TABLE IF NOT EXISTS \(t)_leases (topic TEXT NOT NULL, name TEXT NOT NULL, id INTEGER NOT NULL, owner INTEGER NOT NULL, "
                + "until INTEGER NOT NULL, attempt INTEGER NOT NULL, PRIMARY KEY (topic, name, id)) WITHOUT ROWID")
        for text in [
            "BEGIN IMMEDIATE", "COMMIT", "ROLLBACK",
            "INSERT INTO \(t) (topic, data, content_type, metadata, published, expires) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        ] { durableStatements.append(try durable.compile(text, kept: true)) }
        let columns = "m.id, m.data, m.content_type, m.metadata, m.published, m.expires"
        for text in [
            "BEGIN IMMEDIATE", "COMMIT", "ROLLBACK",
            "INSERT INTO \(t)_groups (topic, name, position) VALUES (?1, ?2, 0) ON CONFLICT DO NOTHING",
            "SELECT \(columns), l.attempt FROM \(t)_leases l JOIN \(t) m ON m.id = l.id WHERE l.topic = ?1 AND l.name = ?2 AND l.until <= ?6 ORDER BY l.id LIMIT ?7",
            "SELECT \(columns), 0 FROM \(t) m WHERE m.topic = ?1 AND m.id > (SELECT position FROM \(t)_groups WHERE topic = ?1 AND name = ?2) ORDER BY m.id LIMIT ?7",
            "INSERT OR REPLACE INTO \(t)_leases (topic, name, id, owner, until, attempt) VALUES (?1, ?2, ?3, ?4, ?5, ?7)",
            "UPDATE \(t)_groups SET position = ?3 WHERE topic = ?1 AND name = ?2",
            "UPDATE \(t)_leases SET owner = ?4, until = ?5 WHERE topic = ?1 AND name = ?2 AND id = ?3",
            "DELETE FROM \(t)_leases WHERE topic = ?1 AND name = ?2 AND id = ?3 AND owner = ?4",
            "UPDATE \(t)_leases SET attempt = attempt + 1 WHERE topic = ?1 AND name = ?2 AND id = ?3 AND owner = ?4",
            "UPDATE \(t)_leases SET until = 0 WHERE topic = ?1 AND name = ?2 AND id = ?3 AND owner = ?4",
            "UPDATE \(t)_leases SET until = ?5 WHERE owner = ?4 AND until > 0",
            "DELETE FROM \(t) WHERE id IN (SELECT m.id FROM \(t) m WHERE m.id <= (SELECT min(position) FROM \(t)_groups g WHERE g.topic = m.topic) "
                + "AND NOT EXISTS (SELECT 1 FROM \(t)_leases l WHERE l.topic = m.topic AND l.id = m.id) LIMIT 5000)",
            "DELETE FROM \(t) WHERE id IN (SELECT id FROM \(t) WHERE published < ?6 ORDER BY id LIMIT 5000)",
            "PRAGMA data_version",
        ] { quickStatements.append(try quick.compile(text, kept: true)) }
    }

    deinit {
        for statement in durableStatements + quickStatements { sqlite3_finalize(statement) }
    }

    func check() throws(PluginError) { try quick.run("SELECT 1 FROM \(name) LIMIT 1") }

    /// Another number than before: somebody has written, we or others.
    func changeNumber() throws(PluginError) -> Int64 {
        let statement = quickStatements[Quick.version.rawValue]
        defer { sqlite3_reset(statement) }
        let code = sqlite3_step(statement)
        guard code == SQLITE_ROW else { throw quick.error(code) }
        return sqlite3_column_int64(statement, 0)
    }

    // MARK: Publishing

    func beginPublishing() throws(PluginError) { _ = try durable.change(durableStatements[Durable.begin.rawValue]) }
    func commitPublished() throws(PluginError) { _ = try durable.change(durableStatements[Durable.commit.rawValue]) }

    func giveUpPublishing() {
        guard durable.isInTransaction else { return }
        do throws(PluginError) { _ = try durable.change(durableStatements[Durable.rollback.rawValue]) } catch {}
    }

    /// Its number.
    func publish(_ request: UnsafePointer<octavo_pubsub_publish_request>) throws(PluginError) -> Int64 {
        let statement = durableStatements[Durable.publish.rawValue]
        let pairs = PairBytes.write(request.pointee.head.metadata)
        let now = plugin_kit_wall() / 1_000_000
        bind(statement, 1, request.pointee.topic)
        _ = sqlite_native_bind_blob(statement, 2, request.pointee.data.data, request.pointee.data.size)
        bind(statement, 3, request.pointee.content_type.isPresent ? request.pointee.content_type : Str(""))
        sqlite3_bind_int64(statement, 5, now)
        sqlite3_bind_int64(statement, 6, request.pointee.ttl_ns > 0 ? now + request.pointee.ttl_ns / 1_000_000 : 0)
        var failure: PluginError?
        pairs.withUnsafeBytes { bytes in
            _ = sqlite_native_bind_blob(statement, 4, bytes.baseAddress, UInt64(bytes.count))
            do throws(PluginError) { _ = try durable.change(statement) } catch { failure = error }
        }
        if let failure { throw failure }
        return sqlite3_last_insert_rowid(durable.db)
    }

    // MARK: Consuming

    /// All of it or nothing.
    func transaction(_ body: () throws(PluginError) -> Void) throws(PluginError) {
        _ = try quick.change(quickStatements[Quick.begin.rawValue])
        do throws(PluginError) {
            try body()
            _ = try quick.change(quickStatements[Quick.commit.rawValue])
        } catch {
            if quick.isInTransaction {
                do throws(PluginError) { _ = try quick.change(quickStatements[Quick.rollback.rawValue]) } catch {}
            }
            throw error
        }
    }

    func join(_ topic: [UInt8], _ group: [UInt8]) throws(PluginError) { _ = try run(.join, topic, group) }
    func done(_ topic: [UInt8], _ group: [UInt8], _ id: Int64) throws(PluginError) { _ = try run(.done, topic, group, id: id) }
    func again(_ topic: [UInt8], _ group: [UInt8], _ id: Int64) throws(PluginError) { _ = try run(.again, topic, group, id: id) }
    func release(_ topic: [UInt8], _ group: [UInt8], _ id: Int64) throws(PluginError) { _ = try run(.release, topic, group, id: id) }
    func renew(until: Int64) throws(PluginError) { _ = try run(.renew, [], [], until: until) }

    /// What all groups have done, and what is older than `before` (0: nothing). Whether there may be more.
    func sweep(before: Int64) throws(PluginError) -> Bool {
        var count = try run(.sweepDone, [], [])
        if before > 0 { count += try run(.sweepOld, [], [], now: before) }
        return count >= 5000
    }

    /// The next messages of a group, leased: those whose consumer has gone, then new ones. In a transaction.
    func take(_ topic: [UInt8], _ group: [UInt8], _ limit: Int, now: Int64, until: Int64) throws(PluginError) -> [StoredMessage] {
        var taken: [StoredMessage] = []
        var last: Int64 = 0
        let gone = try rows(.expired, topic, group, limit, now)
        for (message, expires) in gone {
            if expires != 0, expires <= now {
                _ = try run(.takeOver, topic, group, id: message.id, until: until)
                try done(topic, group, message.id)
            } else {
                _ = try run(.takeOver, topic, group, id: message.id, until: until)
                var message = message
                message.attempt &+= 1
                taken.append(message)
            }
        }
        guard taken.count < limit else { return taken }
        for (message, expires) in try rows(.fresh, topic, group, limit - taken.count, now) {
            last = message.id
            if expires != 0, expires <= now { continue }
            _ = try run(.lease, topic, group, id: message.id, until: until, limit: 0)
            taken.append(message)
        }
        if last > 0 { _ = try run(.move, topic, group, id: last) }
        return taken
    }

    private func rows(
        _ which: Quick, _ topic: [UInt8], _ group: [UInt8], _ limit: Int, _ now: Int64
    ) throws(PluginError) -> [(StoredMessage, Int64)] {
        let statement = quickStatements[which.rawValue]
        var found: [(StoredMessage, Int64)] = []
        var failure: PluginError?
        topic.withUnsafeBytes { topic in
            group.withUnsafeBytes { group in
                bind(statement, 1, Str(topic))
                bind(statement, 2, Str(group))
                sqlite3_bind_int64(statement, 6, now)
                sqlite3_bind_int64(statement, 7, Int64(limit))
                while true {
                    let code = sqlite3_step(statement)
                    if code == SQLITE_DONE { break }
                    guard code == SQLITE_ROW else {
                        failure = quick.error(code)
                        break
                    }
                    let message = StoredMessage(
                        id: sqlite3_column_int64(statement, 0), data: blob(statement, 1), contentType: column(statement, 2).array,
                        pairs: PairBytes.read(blob(statement, 3)), published: sqlite3_column_int64(statement, 4),
                        attempt: UInt32(clamping: sqlite3_column_int64(statement, 6)))
                    found.append((message, sqlite3_column_int64(statement, 5)))
                }
                sqlite3_reset(statement)
                sqlite3_clear_bindings(statement)
            }
        }
        if let failure { throw failure }
        return found
    }

    private func blob(_ statement: OpaquePointer, _ index: Int32) -> [UInt8] {
        guard let bytes = sqlite3_column_blob(statement, index) else { return [] }
        return [UInt8](UnsafeRawBufferPointer(start: bytes, count: Int(sqlite3_column_bytes(statement, index))))
    }

    /// The number of rows that it changed.
    private func run(
        _ which: Quick, _ topic: [UInt8], _ group: [UInt8], id: Int64 = 0, until: Int64 = 0, now: Int64 = 0, limit: Int64 = 0
    ) throws(PluginError) -> Int64 {
        let statement = quickStatements[which.rawValue]
        let outcome: Result<Int64, PluginError> = topic.withUnsafeBytes { topic in
            group.withUnsafeBytes { group in
                // What a statement does not name is not taken by it.
                bind(statement, 1, Str(topic))
                bind(statement, 2, Str(group))
                sqlite3_bind_int64(statement, 3, id)
                sqlite3_bind_int64(statement, 4, owner)
                sqlite3_bind_int64(statement, 5, until)
                sqlite3_bind_int64(statement, 6, now)
                sqlite3_bind_int64(statement, 7, limit)
                do throws(PluginError) { return .success(try quick.change(statement)) } catch { return .failure(error) }
            }
        }
        return try outcome.get()
    }
}

/// Metadata in a row: for each pair the sizes of name and value in four bytes, and both.
enum PairBytes {
    static func write(_ pairs: octavo_list) -> [UInt8] {
        var bytes: [UInt8] = []
        for index in 0..<Int(pairs.count) {
            let pair = pairs.at(index, as: octavo_pair.self)
            for text in [pair.pointee.name, pair.pointee.value] {
                for shift in 0..<4 { bytes.append(UInt8(truncatingIfNeeded: text.count >> (shift * 8))) }
                bytes.append(contentsOf: text.raw)
            }
        }
        return bytes
    }

    /// What somebody else has written there may be cut off: the rest is left out.
    static func read(_ bytes: [UInt8]) -> [([UInt8], [UInt8])] {
        var pairs: [([UInt8], [UInt8])] = []
        var at = 0
        func text() -> [UInt8]? {
            guard bytes.count - at >= 4 else { return nil }
            var size = 0
            for shift in 0..<4 { size |= Int(bytes[at + shift]) << (shift * 8) }
            at += 4
            guard size <= bytes.count - at else { return nil }
            defer { at += size }
            return [UInt8](bytes[at..<at + size])
        }
        while let name = text(), let value = text() { pairs.append((name, value)) }
        return pairs
    }
}
