import Glibc
import TextSearch

/// Copies of plugins, one for each generation, in the data folder. The loader knows an object by its
/// name and inode: loading only copies lets old and new code be loaded side by side, and a file that
/// is overwritten in place can't take the process down.
package struct PluginStaging: Sendable {
    private let owned: OwnedFolder

    package var folder: String { owned.path }

    /// Copies of one process; removed when it ends, and by the next start if it did not get to that.
    package init(dataFolder: String) throws(PluginError) {
        let parent = dataFolder + "/plugins"
        OwnedFolder.removeAbandoned(in: parent)
        try PluginStaging.makeFolder(parent)
        owned = try OwnedFolder(in: parent)
    }

    /// Copies the plugin, and the libraries beside it when it has a folder of its own. Returns the
    /// path of the copy.
    func stage(_ plugin: PluginInspection, _ file: borrowing PluginFile, generation: Int) throws(PluginError) -> String {
        let target = folder + "/\(plugin.id)@\(generation)"
        try PluginStaging.makeFolder(target)
        let files = PluginStaging.files(of: plugin.path)
        let copy = target + "/" + PluginStaging.name(plugin.path)
        try PluginStaging.write(file, to: copy)
        for other in files.dropFirst() {
            try PluginStaging.write(PluginFile(path: other), to: target + "/" + PluginStaging.name(other))
        }
        return copy
    }

    /// The plugin and, of a folder `name/name.so`, the libraries of its own.
    static func files(of plugin: String) -> [String] {
        let name = name(plugin)
        let folder = String(plugin.dropLast(name.utf8.count + 1))
        return self.name(folder) + ".so" == name ? [plugin] + libraries(beside: plugin) : [plugin]
    }

    /// The same of a copy.
    static func files(ofCopy copy: String) -> [String] { [copy] + libraries(beside: copy) }

    /// Whether a file of that name in a plugin's folder is copied with it.
    static func isLibrary(_ name: String) -> Bool { name.contains(text: ".so") }

    private static func libraries(beside plugin: String) -> [String] {
        let name = name(plugin)
        let folder = String(plugin.dropLast(name.utf8.count + 1))
        return (listFolder(folder) ?? []).filter { $0 != name && isLibrary($0) }.sorted().map { folder + "/" + $0 }
    }

    private static func name(_ path: String) -> String { path.split(separator: "/").last.map(String.init) ?? path }

    /// Removes the copy of a generation that is no longer mapped.
    func remove(_ copy: String) {
        guard let end = copy.lastIndex(of: "/") else { return }
        OwnedFolder.remove(String(copy[..<end]))
    }

    /// Removes all copies.
    package func removeAll() { OwnedFolder.remove(folder) }

    private static func makeFolder(_ path: String) throws(PluginError) {
        if mkdir(path, 0o700) != 0, errno != EEXIST {
            throw .staging(path: path, cause: systemError(errno))
        }
    }

    private static func write(_ file: borrowing PluginFile, to path: String) throws(PluginError) {
        unlink(path)
        let descriptor = Glibc.open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o400)
        guard descriptor >= 0 else { throw .staging(path: path, cause: systemError(errno)) }
        defer { close(descriptor) }
        let failure = try file.copy(to: descriptor)
        guard failure == 0 else { throw .staging(path: path, cause: systemError(failure)) }
    }
}
