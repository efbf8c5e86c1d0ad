import AdminAPI
import Components
import Glibc

/// Plugins as files, without a runtime and without running any of their code.
enum PluginFiles {
    /// Whether an argument of `plugin describe` means a file.
    static func isFile(_ argument: String) -> Bool {
        argument.utf8.contains(UInt8(ascii: "/")) || argument.hasSuffix(".so")
    }

    /// The path as the runtime has to be given it; throws when there is no such file.
    static func absolutePath(_ path: String) throws -> String {
        guard let resolved = realpath(path, nil) else {
            throw CommandFailure("The file \(path) can't be read: \(String(cString: strerror(errno))).")
        }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    /// The plugins in `folders`, usable ones first, each part sorted by name.
    static func list(folders: [String]) -> [PluginSummary] {
        let catalog = PluginCatalog(folders: folders)
        let usable = catalog.plugins.map { summary($0) }
        let rejected = catalog.rejected.map { path, error in
            PluginSummary(name: name(of: path), path: path, state: .rejected, reason: "\(error)")
        }
        return usable.sorted { $0.name < $1.name } + rejected.sorted { $0.path < $1.path }
    }

    /// One plugin file.
    static func describe(_ file: String) throws -> PluginDescription {
        let inspection: PluginInspection
        do {
            inspection = try PluginInspection(path: absolutePath(file))
        } catch let error as PluginError {
            throw CommandFailure("\(error)")
        }
        return PluginDescription(
            summary: summary(inspection), abi: inspection.note.map { "\($0.major).\($0.minor)" },
            buildID: inspection.buildID.isEmpty ? nil : inspection.buildID, fileBytes: Int64(inspection.size),
            neededLibraries: inspection.needed)
    }

    private static func summary(_ inspection: PluginInspection) -> PluginSummary {
        var reasons: [String] = []
        if inspection.note == nil { reasons.append("it has no note, so only a runtime that loads it knows its types") }
        if !inspection.unloadReason.isEmpty { reasons.append(inspection.unloadReason) }
        return PluginSummary(
            name: inspection.id, version: inspection.note?.version, types: inspection.note?.types ?? [],
            path: inspection.path, state: .discovered, reason: reasons.isEmpty ? nil : reasons.joined(separator: "; "),
            unloadClass: PluginSummary.UnloadClass(rawValue: inspection.unloadClass.rawValue))
    }

    private static func name(of path: String) -> String {
        let file = path.split(separator: "/").last.map(String.init) ?? path
        return file.hasSuffix(".so") ? String(file.dropLast(3)) : file
    }
}
