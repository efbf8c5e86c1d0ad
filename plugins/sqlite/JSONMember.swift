import PluginKit

/// A member of the JSON value of a row as SQL. The text is literally the same in the indexes of `queryIndexes` and in
/// queries, because SQLite finds an index on an expression by that; so the path is a quoted literal, no parameter.
struct JSONMember {
    /// The member; NULL when there is none, or when the value is no JSON. CASE fixes the order: the JSON functions fail on
    /// a value that is none.
    let value: String
    /// Its type as `json_type` names it; '' when there is none.
    let type: String

    /// `written`: "person.org", which becomes $."person"."org".
    init(_ written: [UInt8]) throws(PluginError) {
        let name = String(decoding: written, as: UTF8.self)
        var path: [UInt8] = [0x24]
        var isOpen = false
        for byte in written {
            if byte == 0x22 {
                throw .invalid("The query path \(name) holds a quotation mark, which SQLite's paths can't.")
            }
            // A statement ends at it.
            if byte == 0 { throw .invalid("The query path \(name) holds a NUL byte, which SQLite's paths can't.") }
            if byte == 0x2E {
                if isOpen { path.append(0x22) }
                isOpen = false
                continue
            }
            if !isOpen { path.append(contentsOf: [0x2E, 0x22]) }
            isOpen = true
            path.append(byte)
            // Twice in a literal.
            if byte == 0x27 { path.append(byte) }
        }
        if isOpen { path.append(0x22) }
        guard written.withUnsafeBytes({ UTF8Check.isText($0) }) else { throw .invalid("A path of the query is not UTF-8 text.") }
        let literal = String(decoding: path, as: UTF8.self)
        value = "CASE WHEN is_binary = 0 AND json_valid(value) THEN json_extract(value, '\(literal)') END"
        type = "coalesce(CASE WHEN is_binary = 0 AND json_valid(value) THEN json_type(value, '\(literal)') END, '')"
    }
}
