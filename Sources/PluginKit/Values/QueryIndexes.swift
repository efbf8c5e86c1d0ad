/// The setting `queryIndexes` of a state store: which members of values are searched for, as Dapr writes it for Redis:
///
///     [{"name": "orgs", "indexes": [{"key": "person.org", "type": "TEXT"}, {"key": "person.id", "type": "NUMERIC"}]}]
public struct QueryIndexes {
    public struct Index {
        /// The member, its names apart by dots.
        public let path: [UInt8]
        /// Numbers rather than texts.
        public let isNumeric: Bool

        /// A word for names in a database: the same for the same index, whoever made it.
        public var word: String {
            // FNV-1a.
            var hash: UInt32 = isNumeric ? 0x811C_9DC6 : 0x811C_9DC5
            for byte in path { hash = (hash ^ UInt32(byte)) &* 0x0100_0193 }
            let digits: StaticString = "0123456789abcdef"
            var text: [UInt8] = []
            for place in 0..<8 { text.append(digits.utf8Start[Int(hash >> UInt32(28 - 4 * place) & 15)]) }
            return String(decoding: text, as: UTF8.self)
        }
    }

    public private(set) var indexes: [Index] = []

    /// Of the setting's text; absent or empty: none.
    public init(_ text: Str) throws(PluginError) {
        if text.isEmpty { return }
        var list = Array("{\"list\":".utf8)
        list.append(contentsOf: text.raw)
        list.append(0x7D)
        // One entry for each index: its place in the two lists, and what was said of it.
        var found: [(schema: [UInt8], place: [UInt8], path: [UInt8]?, type: [UInt8]?)] = []
        var stranger: [UInt8]?
        var failure: PluginError?
        list.withUnsafeBytes { bytes in
            do throws(PluginError) {
                try JSONReader.read(bytes) { names, value in
                    if names.count == 3, Str.same(names[2], "name") { return }
                    guard names.count == 5, Str.same(names[2], "indexes") else {
                        stranger = names.last
                        return
                    }
                    if found.last?.schema != names[1] || found.last?.place != names[3] { found.append((names[1], names[3], nil, nil)) }
                    if Str.same(names[4], "key") {
                        found[found.count - 1].path = value
                    } else if Str.same(names[4], "type") {
                        found[found.count - 1].type = value
                    } else {
                        stranger = names[4]
                    }
                }
            } catch { failure = error }
        }
        if let failure { throw Self.bad(failure.message) }
        if let stranger { throw Self.bad("\"\(String(decoding: stranger, as: UTF8.self))\" is not part of it") }
        for entry in found {
            guard let path = entry.path, !path.isEmpty else { throw Self.bad("an index has no key") }
            let type = entry.type ?? []
            guard Str.same(type, "TEXT") || Str.same(type, "NUMERIC") else {
                throw Self.bad("the index of \"\(String(decoding: path, as: UTF8.self))\" needs the type TEXT or NUMERIC")
            }
            let index = Index(path: path, isNumeric: Str.same(type, "NUMERIC"))
            if !indexes.contains(where: { $0.path == index.path && $0.isNumeric == index.isNumeric }) { indexes.append(index) }
        }
    }

    private static func bad(_ why: String) -> PluginError {
        .invalid(
            "The setting queryIndexes: \(why). Write [{\"name\":\"orgs\",\"indexes\":[{\"key\":\"person.org\",\"type\":\"TEXT\"}]}].")
    }

    /// Whether an index serves comparisons of the member with such values.
    public func serves(_ path: Str, numeric: Bool) -> Bool {
        indexes.contains { index in index.isNumeric == numeric && index.path.withUnsafeBytes { Str($0).equals(path) } }
    }
}

extension octavo_str {
    fileprivate static func same(_ bytes: [UInt8], _ word: StaticString) -> Bool { bytes.withUnsafeBytes { Str($0).equals(word) } }
}
