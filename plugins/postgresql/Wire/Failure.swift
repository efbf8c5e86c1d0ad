import PluginKit
import PostgreSQLPluginNative

/// What an error means for an operator.
enum Failure {
    /// What libpq says, on one line.
    static func line(_ text: String) -> String {
        var line: [UInt8] = []
        for byte in text.utf8 {
            if byte == 0x0A || byte == 0x09 { line.append(0x20) } else { line.append(byte) }
        }
        while line.last == 0x20 || line.last == 0x2E { line.removeLast() }
        return String(decoding: line, as: UTF8.self)
    }

    /// Words of libpq and the server for what stays wrong until somebody changes a setting.
    private static let lasting: [StaticString] = [
        "authentication failed", "no password supplied", "certificate verify failed", "no pg_hba.conf entry",
        "does not support SSL", "root certificate file", "certificate file", "private key file",
        "server certificate for", "invalid sslmode value", "invalid integer value", "alert unknown ca", "tlsv1 alert",
        "certificate authentication", "requires a valid client certificate", "does not match private key",
    ]

    static func isPermanent(_ said: String) -> Bool {
        let bytes = Array(said.utf8)
        return bytes.withUnsafeBytes { bytes in
            lasting.contains { word in
                memmem(bytes.baseAddress ?? UnsafeRawPointer(word.utf8Start), bytes.count, word.utf8Start, word.utf8CodeUnitCount) != nil
            }
        }
    }

    /// The server refuses the user, or the two do not trust each other's certificates.
    static func refused(_ settings: Settings, _ said: String) -> PluginError {
        PluginError(
            OCTAVO_CODE_UNAUTHENTICATED,
            "The PostgreSQL server \(settings.address) refuses the connection, or is not trusted: \(said). Check user and password, sslmode and the certificates in connectionString.",
            flags: OCTAVO_ERROR_PERMANENT)
    }

    static func lost(_ settings: Settings, _ why: String) -> PluginError {
        .outage("The connection of component \(settings.component) to the PostgreSQL server \(settings.address) is lost: \(why).")
    }

    static func down(_ settings: Settings, _ why: String) -> PluginError {
        .outage("Component \(settings.component) has no connection to the PostgreSQL server \(settings.address): \(why). It is tried again.")
    }

    static let tooMuch = PluginError(
        OCTAVO_CODE_RESOURCE_EXHAUSTED, "Too many requests wait for the PostgreSQL server already. Send less at a time.",
        flags: OCTAVO_ERROR_RETRYABLE | OCTAVO_ERROR_THROTTLED)

    /// A reply of another shape than the statement has.
    static func unexpected(_ settings: Settings) -> PluginError {
        PluginError(
            OCTAVO_CODE_INTERNAL,
            "The server \(settings.address) gave a reply of another shape than the statement has. Is it really PostgreSQL?")
    }

    /// Of the server's code of five letters.
    static func from(_ state: String, _ said: String, _ settings: Settings) -> PluginError {
        let server = "The PostgreSQL server \(settings.address)", said = line(said)
        let code = Array(state.utf8)
        func of(_ literal: StaticString) -> Bool { Str.begins(code, with: literal) }
        if of("57P") || of("08") { return .outage("\(server) ends the connection: \(said).") }
        if of("57014") {
            return PluginError(
                OCTAVO_CODE_DEADLINE_EXCEEDED,
                "\(server) ended a statement (\(said)); the setting timeout of component \(settings.component) gives \(settings.timeout / 1_000_000) ms.")
        }
        if of("40") {
            return PluginError(
                OCTAVO_CODE_ABORTED, "\(server) undid it because others wrote the same at the same time (\(said)). Try again.",
                flags: OCTAVO_ERROR_RETRYABLE)
        }
        if of("42501") {
            return PluginError(
                OCTAVO_CODE_PERMISSION_DENIED, "\(server) does not let this user do it: \(said). Grant the right on the tables of component \(settings.component).")
        }
        if of("42P01") || of("3F000") {
            return PluginError(
                OCTAVO_CODE_FAILED_PRECONDITION, "\(server) says: \(said). Create it, or correct the names in the settings of component \(settings.component).")
        }
        if of("28") { return refused(settings, said) }
        if of("3D000") {
            return PluginError(OCTAVO_CODE_FAILED_PRECONDITION, "\(server) says: \(said). Create the database, or name another one.")
        }
        if of("53100") {
            return PluginError(OCTAVO_CODE_RESOURCE_EXHAUSTED, "The disk of \(settings.address) is full; nothing was written. Make room.", reason: "DISK_FULL")
        }
        if of("53") {
            return PluginError(
                OCTAVO_CODE_RESOURCE_EXHAUSTED, "\(server) has no more of something: \(said).", flags: OCTAVO_ERROR_RETRYABLE)
        }
        if of("25006") { return .outage("\(server) takes no writes: \(said). Is it a standby? Add target_session_attrs=read-write.") }
        if of("22") { return .invalid("\(server) does not take the value: \(said).") }
        if of("54") { return .invalid("\(server) finds it too big: \(said).") }
        return PluginError(OCTAVO_CODE_INTERNAL, "\(server) answered: \(said) (code \(state)).")
    }
}
