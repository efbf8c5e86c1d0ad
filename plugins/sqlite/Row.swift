import CSQLite
import PluginKit

/// A value as the database keeps it. Text stays text, so that queries can look into it; anything else is
/// base64 with `is_binary`, as Dapr does it.
enum Row {
    /// Binds value and is_binary (parameters 2 and 3). Memory that the caller deallocates after the
    /// statement was reset, if any was needed.
    static func bindValue(_ statement: OpaquePointer, _ value: Bytes) -> UnsafeMutablePointer<UInt8>? {
        if UTF8Check.isText(value.raw) {
            bind(statement, 2, Str(value.raw))
            sqlite3_bind_int(statement, 3, 0)
            return nil
        }
        let size = Base64.encodedSize(value.count)
        let text = UnsafeMutablePointer<UInt8>.allocate(capacity: size)
        Base64.encode(value.raw, to: text)
        bind(statement, 2, Str(UnsafeRawPointer(text), size))
        sqlite3_bind_int(statement, 3, 1)
        return text
    }

    /// Gives the value in column `index` (its is_binary follows) to `body`; valid during the call.
    static func withValue(
        _ statement: OpaquePointer, _ index: Int32, _ body: (Bytes) -> Void
    ) throws(PluginError) {
        let text = column(statement, index)
        guard sqlite3_column_int(statement, index + 1) != 0 else {
            // The address must not be NULL: an empty value is not an absent one.
            return text.isPresent ? body(Bytes(text.raw)) : body(Bytes(UnsafeRawPointer(statement), 0))
        }
        let memory = UnsafeMutablePointer<UInt8>.allocate(capacity: text.count / 4 * 3 + 3)
        defer { memory.deallocate() }
        guard let count = Base64.decode(text.raw, to: memory) else {
            throw PluginError(
                OCTAVO_CODE_DATA_LOSS, "A row says is_binary, but its value is not base64. Was it changed by hand?")
        }
        body(Bytes(UnsafeRawPointer(memory), count))
    }
}
