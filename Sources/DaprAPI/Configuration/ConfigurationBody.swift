import BuildingBlocks
import JSONText

/// The JSON body of a write.
enum ConfigurationBody {
    struct Malformed: Error, Equatable { let cause: String }

    /// `[{"key", "value", "version", "metadata"}]`.
    static func items(_ body: UnsafeRawBufferPointer) -> Result<[ConfigurationItem], Malformed> {
        let value: JSONValue
        do throws(JSONError) { value = try JSONValue(parsing: body) } catch { return .failure(Malformed(cause: "\(error)")) }
        guard case .array(let list) = value else { return .failure(Malformed(cause: "an array of items was expected")) }
        var items: [ConfigurationItem] = []
        for one in list {
            guard let key = one["key"]?.string, !key.isEmpty else {
                return .failure(Malformed(cause: "each item needs a \"key\" that is a text"))
            }
            guard let value = one["value"]?.string else {
                return .failure(Malformed(cause: "the item \(key) needs a \"value\" that is a text"))
            }
            var item = ConfigurationItem(key: key, value: value, version: one["version"]?.string ?? "")
            if case .object(let members)? = one["metadata"] {
                item.metadata = members.map { ($0.name, $0.value.string ?? "") }
            }
            items.append(item)
        }
        return .success(items)
    }
}
