/// The JSON of the admin API and of the commands' `--json`: camelCase keys in the order of the declarations, absent
/// values left out.
package enum AdminJSON {
    /// `value` as one line of JSON, without a line feed.
    package static func encoded(_ value: some Encodable) -> [UInt8] {
        do {
            return try JSONEncoding.tree(value).bytes
        } catch {
            // Numbers that no type of this module holds.
            preconditionFailure("\(type(of: value)) has no JSON form: \(error)")
        }
    }

    /// A value from JSON text. Throws an error whose description says what is wrong.
    package static func decoded<Value: Decodable>(_ type: Value.Type, from bytes: [UInt8]) throws -> Value {
        do {
            return try Value(from: JSONDecoding(JSONTree(parsing: bytes)))
        } catch DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context),
            DecodingError.keyNotFound(_, let context), DecodingError.dataCorrupted(let context)
        {
            throw Unreadable(description: context.debugDescription)
        }
    }

    /// JSON text that does not hold what was expected; a clause without a full stop.
    package struct Unreadable: Error, CustomStringConvertible {
        package let description: String
    }
}
