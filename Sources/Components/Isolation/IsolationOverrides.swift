import Glibc

/// Where single plugins run because an operator said so while the runtime ran, or because they have ended it:
/// kept in the data folder, one line each (`process redis`), and stronger than command line and configuration.
struct IsolationOverrides: Sendable {
    private let path: String
    private(set) var modes: [String: IsolationMode] = [:]

    /// More than any runtime has plugins; a file with more is not ours.
    private static let most = 1024

    /// Reads what there is; lines that can't be read are left out.
    init(dataFolder: String) {
        path = dataFolder + "/isolation"
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        let bytes = [UInt8](unsafeUninitializedCapacity: 256 << 10) { buffer, count in
            count = max(0, read(descriptor, buffer.baseAddress, buffer.count))
        }
        for line in bytes.split(separator: UInt8(ascii: "\n")).prefix(Self.most) {
            let words = line.split(separator: UInt8(ascii: " "), maxSplits: 1).map { String(decoding: $0, as: UTF8.self) }
            guard words.count == 2, words[1].utf8.count <= 128, let mode = IsolationMode(rawValue: words[0]) else { continue }
            modes[words[1]] = mode
        }
    }

    /// `nil` takes the word back. Returns why that could not be kept, which does not hinder it.
    mutating func set(_ id: String, _ mode: IsolationMode?) -> String? {
        modes[id] = mode
        let text = modes.sorted { $0.key < $1.key }.map { "\($0.value.rawValue) \($0.key)\n" }.joined()
        return writeWhole(text, to: path)
    }
}

extension ComponentStore {
    /// Where a plugin is to run from now on: reloads it there if it runs elsewhere, without losing a call. `nil`
    /// leaves it to command line and configuration again. On an error everything stays as it was. Returns what the
    /// reload did, `nil` when none was needed, and why the word could not be kept for the next start.
    package func setIsolation(
        _ id: String, _ mode: IsolationMode?
    ) async throws(StoreError) -> (report: ReloadReport?, notKept: String?) {
        guard plugins[id] != nil else { throw .plugin(.notFound(name: id, places: options.pluginFolders)) }
        let before = overrides.modes[id]
        let crashedBefore = crashed
        // Whatever the operator says now, they say it knowing of the crash.
        let notForgotten = crashed.forget(id)
        let notKept = overrides.set(id, mode) ?? notForgotten
        guard let current = plugins[id]?.current, current.isIsolated != (isolation(for: current.inspection) != nil) else {
            return (nil, notKept)
        }
        do throws(StoreError) {
            return (try await reload(id), notKept)
        } catch {
            _ = overrides.set(id, before)
            crashed = crashedBefore
            _ = crashed.keep()
            throw error
        }
    }
}
