import PluginKit

/// The component's metadata, checked.
struct Settings {
    /// What `sqlite3_open_v2` gets, ended by a NUL: a path, a `file:` URI or `:memory:`.
    let target: [CChar]
    let isURI: Bool
    /// Every connection to such a database has one of its own: there is only one.
    let isMemory: Bool
    let table: String
    let metadataTable: String
    let timeout: Int64
    let busyTimeout: Int32
    let usesWAL: Bool
    let isFull: Bool
    let cleanupInterval: Int64
    /// Members of values that queries find by an index.
    let indexes: QueryIndexes

    init(_ config: Config) throws(PluginError) {
        let written = config.string("connectionString") ?? "octavo.db"
        let bytes = Array(written.utf8)
        isMemory = Settings.contains(bytes, ":memory:") || Settings.contains(bytes, "mode=memory")
        isURI = Str.starts(bytes, with: "file:")
        target = Settings.target(bytes, isURI: isURI, isMemory: isMemory, in: config.dataDirectory)
        table = try Settings.identifier(config.string("tableName") ?? "state", of: "tableName")
        metadataTable = try Settings.identifier(config.string("metadataTableName") ?? "metadata", of: "metadataTableName")
        timeout = config.duration("timeout") ?? 20_000_000_000
        busyTimeout = Int32(clamping: (config.duration("busyTimeout") ?? 2_000_000_000) / 1_000_000)
        usesWAL = !config.flag("disableWAL") && !isMemory
        isFull = (config.integer("synchronous") ?? 0) == 0
        cleanupInterval = config.duration("cleanupInterval") ?? 3_600_000_000_000
        indexes = try QueryIndexes(config.text("queryIndexes"))
        for index in indexes.indexes {
            do throws(PluginError) {
                _ = try JSONMember(index.path)
            } catch { throw .invalid("The setting queryIndexes: \(error.message)") }
        }
    }

    /// What is shared with other processes, and outlives an instance, needs a file.
    func requireFile() throws(PluginError) {
        if isMemory { throw .invalid("The setting connectionString: a database in memory is nobody else's. Name a file.") }
    }

    /// For messages.
    var name: String {
        target.withUnsafeBytes { Str(UnsafeRawBufferPointer(rebasing: $0.dropLast())).string }
    }

    private static func contains(_ text: [UInt8], _ word: StaticString) -> Bool {
        text.withUnsafeBytes { memmem($0.baseAddress ?? UnsafeRawPointer(word.utf8Start), $0.count, word.utf8Start, word.utf8CodeUnitCount) != nil }
    }

    private static func target(_ text: [UInt8], isURI: Bool, isMemory: Bool, in folder: Str) -> [CChar] {
        let path = isURI ? Array(text.dropFirst(5)) : text
        var result: [UInt8] = isURI ? Array("file:".utf8) : []
        if path.first != 0x2F, !isMemory {
            for byte in folder.raw {
                if isURI, byte == 0x25 || byte == 0x3F || byte == 0x23 {
                    let digits: StaticString = "0123456789ABCDEF"
                    result.append(contentsOf: [0x25, digits.utf8Start[Int(byte >> 4)], digits.utf8Start[Int(byte & 15)]])
                } else {
                    result.append(byte)
                }
            }
            result.append(0x2F)
        }
        result.append(contentsOf: path)
        result.append(0)
        return result.map { CChar(bitPattern: $0) }
    }

    /// Names of tables become part of statements: only letters, digits and `_`.
    private static func identifier(_ name: String, of setting: StaticString) throws(PluginError) -> String {
        var isGood = !name.utf8.isEmpty && name.utf8.count <= 64
        for (place, byte) in name.utf8.enumerated() {
            switch byte {
            case 0x41...0x5A, 0x61...0x7A, 0x5F: break
            case 0x30...0x39: if place == 0 { isGood = false }
            default: isGood = false
            }
        }
        guard isGood else {
            throw .invalid(
                "\(Str(setting).string) \"\(name)\" is no table name: use letters, digits and _, at most 64, not a digit first.")
        }
        return name
    }
}

extension octavo_str {
    static func starts(_ bytes: [UInt8], with word: StaticString) -> Bool {
        bytes.withUnsafeBytes { Str($0).hasPrefix(Str(word)) }
    }
}
