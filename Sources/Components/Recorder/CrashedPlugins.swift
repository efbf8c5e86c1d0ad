import Glibc

/// Plugins that have crashed a runtime, and run isolated since: kept in the data folder, one line each
/// (`1795449600 build:12ab redis`: seconds since 1970, which build, which plugin), until the operator says where the
/// plugin is to run. Another build of a plugin is not what crashed, and runs where it would have.
package struct CrashedPlugins: Sendable {
    package struct Entry: Sendable, Equatable {
        /// Seconds since 1970.
        package var time: Int
        package var build: String
    }

    private let path: String
    package private(set) var entries: [String: Entry] = [:]

    private static let most = 1024

    /// Reads what there is; lines that can't be read are left out.
    package init(dataFolder: String) {
        path = dataFolder + "/crashed"
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        let bytes = [UInt8](unsafeUninitializedCapacity: 256 << 10) { buffer, count in
            count = max(0, read(descriptor, buffer.baseAddress, buffer.count))
        }
        for line in bytes.split(separator: UInt8(ascii: "\n")).prefix(Self.most) {
            let words = line.split(separator: UInt8(ascii: " "), maxSplits: 2).map { String(decoding: $0, as: UTF8.self) }
            guard words.count == 3, let time = Int(words[0]), time >= 0, time < 1 << 40, words[2].utf8.count <= 128 else { continue }
            entries[words[2]] = Entry(time: time, build: words[1])
        }
    }

    /// Remembers the plugin. Returns why that could not be kept.
    package mutating func note(_ culprit: FlightRecord.Culprit, at time: Double) -> String? {
        entries[culprit.plugin] = Entry(
            time: Int(max(0, min(time, 1e12))), build: Self.build(id: culprit.build, version: culprit.version))
        return keep()
    }

    /// Forgets it, if it was known. Returns why that could not be kept.
    mutating func forget(_ id: String) -> String? { entries.removeValue(forKey: id) == nil ? nil : keep() }

    /// When this very build has crashed a runtime, seconds since 1970; `nil`: it has not.
    func crash(of plugin: PluginInspection) -> Int? {
        guard let entry = entries[plugin.id], entry.build == Self.build(id: plugin.buildID, version: plugin.note?.version ?? "")
        else { return nil }
        return entry.time
    }

    /// What tells one build from another: the build id, which most linkers write, else the version.
    private static func build(id: String, version: String) -> String {
        id.isEmpty ? "version:" + version.map { $0 == " " || $0.isNewline ? "_" : String($0) }.joined() : "build:" + id
    }

    func keep() -> String? {
        writeWhole(entries.sorted { $0.key < $1.key }.map { "\($0.value.time) \($0.value.build) \($0.key)\n" }.joined(), to: path)
    }

    /// For lists: "crashed the runtime on 2026-11-27 22:19:30 UTC".
    static func reason(_ time: Int) -> String {
        var seconds = time_t(time)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        var text = [CChar](repeating: 0, count: 64)
        strftime(&text, text.count, "%Y-%m-%d %H:%M:%S UTC", &parts)
        return "crashed the runtime on " + IsolatedPlugin.string(text)
    }
}
