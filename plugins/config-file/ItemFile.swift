import PluginKit

/// The JSON file and its members. Reading blocks for as long as a local disk does.
struct ItemFile {
    /// A file of configuration that is bigger is a mistake.
    private static let maxSize = 16 << 20

    private static let what: StaticString = "configuration file"
    private static let hint: StaticString = "Check the setting file."

    let path: [CChar]
    let name: String
    let separator: [UInt8]

    init(_ config: Config) {
        path = config.cString("file") ?? [0]
        name = config.string("file") ?? ""
        separator = config.text("nestedSeparator").array
    }

    /// Where it lies, ended by a NUL.
    var folder: [CChar] {
        guard let slash = path.lastIndex(of: 0x2F) else { return [0x2E, 0] }
        return Array(path[..<max(slash, 1)]) + [0]
    }

    /// Its name there, ended by a NUL.
    var lastName: [CChar] { Array(path[((path.lastIndex(of: 0x2F) ?? -1) + 1)...]) }

    /// Of what the path leads to now.
    func version() throws(PluginError) -> FileVersion {
        guard let version = FileVersion(of: path) else { throw SmallFile.unreadable(path, what: ItemFile.what, hint: ItemFile.hint) }
        return version
    }

    /// Its members, sorted by key: nested ones by their whole name, numbers and words as they are written.
    func items() throws(PluginError) -> [ConfigurationItem] {
        let bytes = try SmallFile.read(path, what: ItemFile.what, limit: ItemFile.maxSize, hint: ItemFile.hint)
        var items: [ConfigurationItem] = []
        var failure: PluginError?
        bytes.withUnsafeBytes { bytes in
            do throws(PluginError) {
                try JSONReader.read(bytes) { path, value in items.append(ConfigurationItem(key: self.join(path), value: value)) }
            } catch { failure = error }
        }
        if let failure {
            throw .invalid(
                "The configuration file \(name) is no good JSON: \(failure.message). The last good version stays in use, if there was one.")
        }
        // Of a name that comes twice the later counts, as everywhere in JSON.
        var places = Array(items.indices)
        places.sort { items[$0].key == items[$1].key ? $0 < $1 : ConfigurationItem.precedes(items[$0].key, items[$1].key) }
        var sorted: [ConfigurationItem] = []
        for place in places {
            if sorted.last?.key == items[place].key { sorted.removeLast() }
            sorted.append(items[place])
        }
        return sorted
    }

    private func join(_ path: [[UInt8]]) -> [UInt8] {
        var name: [UInt8] = []
        for (index, part) in path.enumerated() {
            if index > 0 { name.append(contentsOf: separator) }
            name.append(contentsOf: part)
        }
        return name
    }
}
