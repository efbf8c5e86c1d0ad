import PluginKit

/// The JSON file and its members. Reading blocks for as long as a local disk does.
struct ItemFile {
    /// A file of configuration that is bigger is a mistake.
    private static let maxSize = 16 << 20

    /// By which one file is told from another that took its place.
    struct Version: Equatable {
        var device: UInt64 = 0
        var number: UInt64 = 0
        var size: Int64 = 0
        var seconds: Int = 0
        var nanoseconds: Int = 0
    }

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
    func version() throws(PluginError) -> Version {
        var status = stat()
        guard stat(path, &status) == 0 else { throw unreadable(plugin_kit_errno()) }
        return Version(
            device: UInt64(status.st_dev), number: UInt64(status.st_ino), size: Int64(status.st_size),
            seconds: Int(status.st_mtim.tv_sec), nanoseconds: Int(status.st_mtim.tv_nsec))
    }

    /// Its members, sorted by key: nested ones by their whole name, numbers and words as they are written.
    func items() throws(PluginError) -> [ConfigurationItem] {
        let bytes = try content()
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

    private func content() throws(PluginError) -> [UInt8] {
        let descriptor = plugin_kit_open(path)
        guard descriptor >= 0 else { throw unreadable(plugin_kit_errno()) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16 << 10)
        while true {
            let count = chunk.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
            if count < 0 {
                if plugin_kit_errno() == EINTR { continue }
                throw unreadable(plugin_kit_errno())
            }
            if count == 0 { return bytes }
            bytes.append(contentsOf: chunk[..<count])
            guard bytes.count <= ItemFile.maxSize else {
                throw .invalid("The configuration file \(name) is bigger than 16 MiB.")
            }
        }
    }

    private func unreadable(_ number: Int32) -> PluginError {
        PluginError(
            OCTAVO_CODE_FAILED_PRECONDITION,
            "The configuration file \(name) can't be read: \(PluginError.text(ofErrno: number)). Check the setting file.")
    }
}
