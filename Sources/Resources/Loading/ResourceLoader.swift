/// Reads resource files from folders. Blocks on the disk: for the control plane.
package enum ResourceLoader {
    /// Kinds that are found by name, so that a name may come once.
    private static let namedKinds: Set<ResourceKind> = [.component, .httpEndpoint, .mcpServer, .configuration]

    /// Reads every `.yaml` and `.yml` file of each folder, not those of folders below, in the order of
    /// names. A path may also be one file.
    ///
    /// A bad file or document costs no other. Of two resources with one name the first stays, and the error
    /// names both places.
    ///
    /// - Parameter preferred: by label, the file whose resource stays where a name comes twice.
    package static func load(
        paths: [String], appID: String, namespace: String?, preferred: [String: String] = [:],
        limits: YAMLLimits = YAMLLimits()
    ) -> ResourceSet {
        let scope = ResourceScope(appID: appID, namespace: namespace)
        var set = ResourceSet()
        var read: [Resource] = []
        for path in paths {
            for file in files(of: path, &set.diagnostics) {
                let outcome: ResourceText.Outcome
                do throws(FileContents.Failure) {
                    let bytes = try FileContents.read(file, limit: limits.bytes)
                    outcome = ResourceText.read(bytes, file: file, scope: scope, limits: limits)
                } catch {
                    set.diagnostics.append(unreadable(file, "the file", error))
                    continue
                }
                set.diagnostics += outcome.diagnostics
                read += outcome.resources
            }
        }
        var places: [String: SourceLocation] = [:]
        for header in read.lazy.map(\.header) where namedKinds.contains(header.kind) {
            guard let first = places[header.label] else {
                places[header.label] = header.source
                continue
            }
            let file = preferred[header.label]
            if file == header.source.file, file != first.file { places[header.label] = header.source }
        }
        for resource in read { add(resource, to: &set, places) }
        return set
    }

    private static func add(_ resource: Resource, to set: inout ResourceSet, _ places: [String: SourceLocation]) {
        let header = resource.header
        if let stays = places[header.label], stays != header.source {
            set.diagnostics.append(
                Diagnostic(
                    .error, header.source, resource: header.label,
                    "the name is taken by the \(header.kind.rawValue) at \(stays), which stays; rename or remove one "
                        + "of them"))
            return
        }
        set.resources.append(resource)
    }

    /// The present time, for `isQuiet`.
    package static var now: Int64 { FileContents.wallNanoseconds() }

    /// Whether no file has been written in the `pause` before `start`, nor since then, by the files' own times. Of an empty
    /// file, which whoever writes it anew may be about to fill, the pause is 2 s.
    package static func isQuiet(paths: [String], for pause: Duration, before start: Int64) -> Bool {
        var ignored: [Diagnostic] = []
        return paths.allSatisfy { path in
            files(of: path, &ignored).allSatisfy { file in
                guard let (time, size) = FileContents.written(file) else { return true }
                // A time far in the future tells of a clock, not of a writer.
                let pause = size == 0 ? max(pause, .seconds(2)) : pause
                return time > start + 60_000_000_000 || time < start - Int64(pause / .nanoseconds(1))
            }
        }
    }

    /// Whether a file of that name in a folder is read. `.#name` is how an editor says that it has the file open.
    package static func isResourceFile(_ name: String) -> Bool {
        let name = name.lowercased()
        return (name.hasSuffix(".yaml") || name.hasSuffix(".yml")) && !name.hasPrefix(".#")
    }

    /// The resource files of a folder, or the file itself.
    private static func files(of path: String, _ diagnostics: inout [Diagnostic]) -> [String] {
        do throws(FileContents.Failure) {
            guard try FileContents.isFolder(path) else { return [path] }
            let prefix = path.hasSuffix("/") ? path : path + "/"
            return try FileContents.names(in: path)
                .filter(isResourceFile)
                .map { prefix + $0 }
                .filter { file in
                    // A folder called x.yaml is no file; what can't be looked at fails when it is read.
                    do throws(FileContents.Failure) { return try !FileContents.isFolder(file) } catch { return true }
                }
        } catch {
            diagnostics.append(unreadable(path, "the resources path", error))
            return []
        }
    }

    static func unreadable(_ path: String, _ what: String, _ failure: FileContents.Failure) -> Diagnostic {
        Diagnostic(
            .error, SourceLocation(file: path, mark: SourceMark(line: 1, column: 1)),
            "\(what) can't be read: \(failure.reason); check that it exists and may be read")
    }
}
