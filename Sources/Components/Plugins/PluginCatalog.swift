import Glibc

/// The plugins in one or more folders: what is there, and what can't be used and why. Finding out runs
/// no plugin code.
package struct PluginCatalog: Sendable {
    package var plugins: [PluginInspection] = []
    package var rejected: [(path: String, error: PluginError)] = []

    /// Looks at every `*.so`, and at `name/name.so` with libraries of its own beside it, in the order
    /// of the folders and then of the names. The first plugin of an id, and of a type, wins.
    package init(folders: [String]) {
        var seen: [String: String] = [:]
        var types: [String: String] = [:]
        for folder in folders {
            for path in PluginCatalog.candidates(in: folder, &rejected) {
                do throws(PluginError) {
                    let plugin = try PluginInspection(path: path)
                    if let other = seen[plugin.id] {
                        throw PluginError.duplicatePlugin(path: path, id: plugin.id, other: other)
                    }
                    for type in plugin.note?.types ?? [] {
                        if let other = types[type] {
                            throw PluginError.duplicateType(path: path, type: type, other: other)
                        }
                    }
                    seen[plugin.id] = path
                    for type in plugin.note?.types ?? [] { types[type] = path }
                    plugins.append(plugin)
                } catch {
                    rejected.append((path, error))
                }
            }
        }
    }

    /// The plugin that offers a component type.
    package func plugin(offering type: String) -> PluginInspection? {
        plugins.first { $0.note?.types.contains(type) == true }
    }

    private static func candidates(
        in folder: String, _ rejected: inout [(path: String, error: PluginError)]
    ) -> [String] {
        guard let names = listFolder(folder) else {
            rejected.append((folder, .unreadable(path: folder, cause: systemError(errno))))
            return []
        }
        var found: [String] = []
        for name in names.sorted() where !name.hasPrefix(".") {
            let path = folder + "/" + name
            if name.hasSuffix(".so") {
                found.append(path)
            } else if access(path + "/" + name + ".so", F_OK) == 0 {
                found.append(path + "/" + name + ".so")
            }
        }
        return found
    }
}

/// The names in a folder, or `nil` with `errno` set.
package func listFolder(_ path: String) -> [String]? {
    guard let folder = opendir(path) else { return nil }
    defer { closedir(folder) }
    var names: [String] = []
    while let entry = readdir(folder) {
        let name = withUnsafeBytes(of: &entry.pointee.d_name) {
            String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
        }
        if name != "." && name != ".." { names.append(name) }
    }
    return names
}
