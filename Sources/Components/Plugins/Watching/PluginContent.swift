/// What a plugin's files hold, its own libraries among them; equal for a file and its staged copy. Of this process
/// alone: the hash has its seed.
struct PluginContent: Sendable, Equatable {
    private let hash: Int
    private let bytes: Int

    /// Of the plugin's file and its libraries. `nil` when one can't be read. Blocks on the disk.
    init?(of plugin: String) { self.init(files: PluginStaging.files(of: plugin)) }

    /// Of a staged copy.
    init?(ofCopy copy: String) { self.init(files: PluginStaging.files(ofCopy: copy)) }

    private init?(files: [String]) {
        var hasher = Hasher()
        var bytes = 0
        do throws(PluginError) {
            for file in files {
                hasher.combine(file.split(separator: "/").last)
                try PluginFile(path: file).forEachBlock { block in
                    hasher.combine(bytes: block)
                    bytes += block.count
                }
            }
        } catch {
            return nil
        }
        hash = hasher.finalize()
        self.bytes = bytes
    }
}
