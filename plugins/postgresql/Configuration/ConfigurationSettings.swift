import PluginKit

/// The metadata of `configuration.postgresql`, checked.
struct ConfigurationSettings {
    let common: Settings
    /// Of the items; with a schema perhaps.
    let table: String
    /// Where changes are told, unless a subscription names another one.
    let channel: [UInt8]

    /// Names of the server have no more bytes.
    private static let maxName = 63

    init(_ config: Config) throws(PluginError) {
        common = try Settings(config)
        table = try Settings.table(config.string("table") ?? "", of: "table")
        channel = try Self.check(config.text("notifyChannel"))
    }

    /// The channel that the metadata of a subscription name, or the component's.
    func channel(of metadata: octavo_list) throws(PluginError) -> [UInt8] {
        for name: StaticString in ["pgNotifyChannel", "notifyChannel"] {
            let given = metadata.pair(name)
            if !given.isEmpty { return try Self.check(given) }
        }
        return channel
    }

    private static func check(_ name: Str) throws(PluginError) -> [UInt8] {
        let bytes = name.array
        guard !bytes.isEmpty, bytes.count <= maxName, !bytes.contains(0), UTF8Check.isText(name.raw) else {
            throw .invalid("The notification channel \"\(name.string)\" is no name for PostgreSQL: use 1 to \(maxName) bytes of text.")
        }
        return bytes
    }

    /// A name in double quotes.
    static func quoted(_ name: [UInt8], _ quote: UInt8 = 0x22) -> String {
        var text = [quote]
        for byte in name {
            text.append(byte)
            if byte == quote { text.append(byte) }
        }
        text.append(quote)
        return String(decoding: text, as: UTF8.self)
    }

    /// The table's name without its schema, and the schema with its dot.
    var bareTable: String {
        let bytes = Array(table.utf8)
        guard let dot = bytes.firstIndex(of: 0x2E) else { return table }
        return String(decoding: bytes[(dot + 1)...], as: UTF8.self)
    }
    var schema: String { String(decoding: Array(table.utf8).dropLast(bareTable.utf8.count), as: UTF8.self) }

    static var fields: [Field] {
        Settings.fields + [
            .string("table", required: true, example: "configuration", "Table of the items: key, value, version, metadata. Made when it is not there."),
            .string("notifyChannel", default: "config", "Channel on which a trigger of the table tells of changes; a subscription may name another one (pgNotifyChannel)."),
        ]
    }
}
