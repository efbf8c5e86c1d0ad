import PluginKit
import PostgreSQLPluginNative

/// The result of one statement, in the server's binary form.
final class Rows {
    private let result: OpaquePointer
    let count: Int
    let columns: Int

    /// Takes the result over.
    init(_ result: OpaquePointer) {
        self.result = result
        count = Int(PQntuples(result))
        columns = Int(PQnfields(result))
    }

    deinit { PQclear(result) }

    /// Rows that a statement has changed.
    var affected: Int { max(Int(atoi(PQcmdTuples(result))), 0) }

    /// The object number of a column's type.
    func type(_ column: Int) -> UInt32 { PQftype(result, Int32(column)) }

    /// A column's bytes, valid as long as this object; absent when it is NULL.
    func text(_ row: Int, _ column: Int) -> Str {
        let row = Int32(row), column = Int32(column)
        guard column < columns, PQgetisnull(result, row, column) == 0, let value = PQgetvalue(result, row, column) else { return .absent }
        return Str(UnsafeRawPointer(value), Int(PQgetlength(result, row, column)))
    }

    /// A number of 1 to 8 bytes; `nil` when it is NULL.
    func integer(_ row: Int, _ column: Int) -> Int64? {
        let bytes = text(row, column)
        guard bytes.isPresent, bytes.count <= 8, bytes.count > 0 else { return nil }
        var value = bytes.raw[0] & 0x80 != 0 ? Int64(-1) : 0
        for byte in bytes.raw { value = value << 8 | Int64(byte) }
        return value
    }

    func flag(_ row: Int, _ column: Int) -> Bool { (integer(row, column) ?? 0) != 0 }

    /// A time in seconds since 1970, rounded down; `nil` when it is NULL or infinite.
    func seconds(_ row: Int, _ column: Int) -> Int64? {
        guard let value = integer(row, column), value != Int64.max, value != Int64.min else { return nil }
        // Microseconds since 2000.
        return (value >= 0 ? value / 1_000_000 : (value - 999_999) / 1_000_000) + 946_684_800
    }
}

/// UUIDs, as text and as the server's 16 bytes.
enum UUIDText {
    static let size = 36

    /// The 16 bytes of "0123abcd-…"; `nil` for any other text.
    static func parse(_ text: Str) -> [UInt8]? {
        guard text.count == size else { return nil }
        var bytes: [UInt8] = []
        var high: UInt8?
        for (place, byte) in text.raw.enumerated() {
            if place == 8 || place == 13 || place == 18 || place == 23 {
                if byte != 0x2D { return nil }
                continue
            }
            let digit: UInt8
            switch byte {
            case 0x30...0x39: digit = byte - 0x30
            case 0x61...0x66: digit = byte - 0x57
            case 0x41...0x46: digit = byte - 0x37
            default: return nil
            }
            if let first = high {
                bytes.append(first << 4 | digit)
                high = nil
            } else {
                high = digit
            }
        }
        return bytes
    }

    /// Appends the text of 16 bytes.
    static func append(_ uuid: Str, to text: inout [UInt8]) {
        let digits = Str("0123456789abcdef")
        for (place, byte) in uuid.raw.enumerated() {
            if place == 4 || place == 6 || place == 8 || place == 10 { text.append(0x2D) }
            text.append(digits.raw[Int(byte >> 4)])
            text.append(digits.raw[Int(byte & 15)])
        }
    }

    static func text(_ uuid: Str) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity(size)
        append(uuid, to: &text)
        return text
    }
}
