import PluginKit
import PostgreSQLPluginNative

/// Makes the table of items and its trigger, unless the table is there: then it is somebody's own, and is left as it is.
final class ConfigurationSchema {
    private let settings: ConfigurationSettings
    private let connection: Connection
    private let done: (PluginError?) -> Void
    private var attempts = 0

    init(_ settings: ConfigurationSettings, _ connection: Connection, _ done: @escaping (PluginError?) -> Void) {
        self.settings = settings
        self.connection = connection
        self.done = done
    }

    func run() {
        let table = settings.table
        let look = Exchange(isRead: true) { [self] outcome in
            switch outcome {
            case .failed(let refusal): done(refusal.error)
            case .done(let rows):
                guard rows[0].count == 1 else { return done(Failure.unexpected(settings.common)) }
                guard rows[0].flag(0, 0) else { return create() }
                if !rows[0].flag(0, 1) {
                    connection.instance.warn(
                        "The table \(table) of component \(settings.common.component) has no trigger, so that changes by others are not heard of. "
                            + "Make one that calls pg_notify, or let the component make the table.")
                }
                done(nil)
            }
        }
        look.add(
            Statement(
                "SELECT to_regclass('\(table)') IS NOT NULL, "
                    + "EXISTS (SELECT FROM pg_trigger WHERE tgrelid = to_regclass('\(table)') AND NOT tgisinternal)"))
        connection.send(look)
    }

    private func create() {
        attempts += 1
        let create = Exchange(isRead: true, isPatient: true) { [self] outcome in
            guard case .failed(let refusal) = outcome else { return done(nil) }
            // Somebody else creates the same at this moment.
            if refusal.has("23505") || refusal.has("42P07") || refusal.has("42710"), attempts < 5 { return run() }
            done(refusal.error)
        }
        let table = settings.table, function = "\(settings.schema)octavo_notify_config"
        create.add(Statement("SELECT pg_advisory_xact_lock(8029753302117)"))
        create.add(
            Statement(
                "CREATE TABLE \(table) (key varchar NOT NULL PRIMARY KEY, value varchar NOT NULL, version varchar NOT NULL DEFAULT '1', metadata json)"))
        // A notification has 8000 bytes at most: the key says enough, because the row is read.
        create.add(
            Statement(
                """
                CREATE OR REPLACE FUNCTION \(function)() RETURNS trigger LANGUAGE plpgsql AS $body$
                DECLARE
                  item record;
                  told text;
                BEGIN
                  IF TG_OP = 'DELETE' THEN item := OLD; ELSE item := NEW; END IF;
                  told := json_build_object('table', TG_TABLE_NAME, 'action', TG_OP, 'data', row_to_json(item))::text;
                  IF octet_length(told) >= 8000 THEN told := json_build_object('data', json_build_object('key', item.key))::text; END IF;
                  IF octet_length(told) >= 8000 THEN told := '{}'; END IF;
                  PERFORM pg_notify(TG_ARGV[0], told);
                  IF TG_OP = 'UPDATE' AND OLD.key <> NEW.key THEN PERFORM pg_notify(TG_ARGV[0], '{}'); END IF;
                  RETURN NULL;
                END
                $body$
                """))
        create.add(
            Statement(
                "CREATE TRIGGER octavo_notify AFTER INSERT OR UPDATE OR DELETE ON \(table) FOR EACH ROW EXECUTE FUNCTION "
                    + "\(function)(\(ConfigurationSettings.quoted(settings.channel, 0x27)))"))
        connection.send(create)
    }
}
