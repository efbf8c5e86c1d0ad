import JSONText

/// The JSON of the admin API and of the commands' `--json`: camelCase keys in the order of the declarations, absent
/// values left out.
package enum AdminJSON {
    /// `value` as one line of JSON, without a line feed.
    package static func encoded(_ value: some Encodable) -> [UInt8] {
        do {
            var writer = JSONWriter()
            writer.value(try JSONEncoding.tree(value))
            return writer.bytes
        } catch {
            // The encoder itself throws nothing, and no type of ours does.
            preconditionFailure("\(type(of: value)) has no JSON form: \(error)")
        }
    }

    /// A value from JSON text. Throws an error whose description says what is wrong.
    package static func decoded<Value: Decodable>(_ type: Value.Type, from bytes: [UInt8]) throws -> Value {
        do {
            return try Value(from: JSONDecoding(JSONValue(parsing: bytes)))
        } catch DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context),
            DecodingError.keyNotFound(_, let context), DecodingError.dataCorrupted(let context)
        {
            throw Unreadable(description: context.debugDescription)
        } catch let error as JSONError {
            throw Unreadable(description: "it is not JSON: \(error)")
        }
    }

    /// JSON text that does not hold what was expected; a clause without a full stop.
    package struct Unreadable: Error, CustomStringConvertible {
        package let description: String
    }
}
