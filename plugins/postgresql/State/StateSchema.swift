import PluginKit
import PostgreSQLPluginNative

/// Makes what the store needs in the database, unless it is there: the tables of Dapr, which migrates them in the same way,
/// the function that reads values as JSON, and the indexes of queries. On the reactor thread.
final class StateSchema {
    private let settings: StateSettings
    private let connection: Connection
    private let done: (PluginError?, _ hasQuery: Bool) -> Void
    private var attempts = 0

    init(_ settings: StateSettings, _ connection: Connection, _ done: @escaping (PluginError?, _ hasQuery: Bool) -> Void) {
        self.settings = settings
        self.connection = connection
        self.done = done
    }

    /// Looks first: whoever may not create anything can use what is there.
    func run() {
        let look = Exchange(isRead: true) { [self] outcome in
            switch outcome {
            case .failed(let refusal): done(refusal.error, false)
            case .done(let rows):
                guard rows[0].count == 1 else { return done(Failure.unexpected(settings.common), false) }
                createTables(
                    hasTables: rows[0].flag(0, 0), hasFunction: rows[0].flag(0, 1),
                    indexes: settings.indexes.indexes.enumerated().filter { !rows[0].flag(0, 2 + $0.offset) }.map { $0.element })
            }
        }
        var text =
            "SELECT to_regclass('\(settings.table)') IS NOT NULL AND to_regclass('\(settings.metadataTable)') IS NOT NULL, "
            + "to_regprocedure('\(settings.function)(bytea)') IS NOT NULL"
        for index in settings.indexes.indexes {
            text += ", to_regclass('\(settings.schema)\(settings.indexName(index))') IS NOT NULL"
        }
        look.add(Statement(text))
        connection.send(look)
    }

    private func createTables(hasTables: Bool, hasFunction: Bool, indexes: [QueryIndexes.Index]) {
        guard !hasTables else { return createFunction(hasFunction, indexes) }
        attempts += 1
        let create = Exchange(isRead: true, isPatient: true) { [self] outcome in
            guard case .failed(let refusal) = outcome else { return createFunction(hasFunction, indexes) }
            // Somebody else creates the same at this moment.
            if refusal.has("23505") || refusal.has("42P07") || refusal.has("42710"), attempts < 5 { return run() }
            done(refusal.error, false)
        }
        let table = settings.table, metadata = settings.metadataTable
        begin(create)
        create.add(Statement("CREATE TABLE IF NOT EXISTS \(metadata) (key text NOT NULL PRIMARY KEY, value text NOT NULL)"))
        // The row by which Dapr's sidecars wait for each other.
        create.add(Statement("INSERT INTO \(metadata) (key, value) VALUES ('lock', 'lock') ON CONFLICT (key) DO NOTHING"))
        create.add(Statement("SELECT value FROM \(metadata) WHERE key = 'lock' FOR UPDATE"))
        create.add(
            Statement(
                "CREATE TABLE IF NOT EXISTS \(table) (key text NOT NULL PRIMARY KEY, value bytea NOT NULL, "
                    + "etag uuid NOT NULL DEFAULT gen_random_uuid(), created_at timestamptz NOT NULL DEFAULT now(), "
                    + "updated_at timestamptz, expires_at timestamptz)"))
        create.add(Statement("CREATE INDEX IF NOT EXISTS \(settings.bareTable)_expires_at_idx ON \(table) (expires_at)"))
        create.add(
            Statement("INSERT INTO \(metadata) (key, value) VALUES ('\(settings.levelKey)', '1') ON CONFLICT (key) DO NOTHING"))
        connection.send(create)
    }

    private func createFunction(_ isThere: Bool, _ indexes: [QueryIndexes.Index]) {
        guard !isThere else { return createIndexes(indexes) }
        let create = Exchange(isRead: true, isPatient: true) { [self] outcome in
            guard case .failed(let refusal) = outcome else { return createIndexes(indexes) }
            if refusal.error.flags & OCTAVO_ERROR_OUTAGE != 0 || !settings.indexes.indexes.isEmpty { return done(refusal.error, false) }
            connection.instance.warn(
                "Component \(settings.common.component) can't create the function \(settings.function), so it does not offer queries: \(refusal.error.message)")
            done(nil, false)
        }
        begin(create)
        create.add(
            Statement(
                """
                CREATE OR REPLACE FUNCTION \(settings.function)(value bytea) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $body$
                BEGIN
                  RETURN pg_catalog.convert_from(value, 'UTF8')::pg_catalog.jsonb;
                EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
                  RETURN NULL;
                END
                $body$
                """))
        connection.send(create)
    }

    private func createIndexes(_ indexes: [QueryIndexes.Index]) {
        guard !indexes.isEmpty else { return done(nil, true) }
        let create = Exchange(isRead: true, isPatient: true) { [self] outcome in
            guard case .failed(let refusal) = outcome else { return done(nil, true) }
            done(refusal.error, false)
        }
        begin(create)
        for index in indexes {
            let member = JSONMember(settings.function, index.path)
            let expression = index.isNumeric ? "(\(member.document))" : "(\(member.text)) COLLATE \"C\""
            create.add(Statement("CREATE INDEX IF NOT EXISTS \(settings.indexName(index)) ON \(settings.table) (\(expression))"))
        }
        connection.send(create)
    }

    /// One of all runtimes at a time, and as long as it takes.
    private func begin(_ exchange: Exchange) {
        exchange.add(Statement("SELECT pg_advisory_xact_lock(8029753302117)"))
        exchange.add(Statement("SELECT set_config('statement_timeout', '0', true)"))
    }
}

/// A member of the JSON value of a row as SQL.
struct JSONMember {
    /// As jsonb, NULL when there is none.
    let document: String
    /// As text.
    let text: String

    /// `path`: "person.org".
    init(_ function: String, _ path: [UInt8]) {
        var names: [UInt8] = []
        for name in path.split(separator: 0x2E) {
            if !names.isEmpty { names.append(0x2C) }
            names.append(0x22)
            for byte in name {
                // Quoted in the array, and then in the literal.
                if byte == 0x22 || byte == 0x5C { names.append(0x5C) }
                names.append(byte)
                if byte == 0x27 { names.append(byte) }
            }
            names.append(0x22)
        }
        let list = String(decoding: names, as: UTF8.self)
        document = "\(function)(value) #> '{\(list)}'"
        text = "\(function)(value) #>> '{\(list)}'"
    }
}
