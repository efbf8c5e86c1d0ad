import AdminAPI
import Glibc

/// Plugins as files, without a runtime.
enum PluginFiles {
    /// Whether an argument of `plugin describe` means a file.
    static func isFile(_ argument: String) -> Bool {
        argument.contains("/") || argument.hasSuffix(".so")
    }

    /// The path as the runtime has to be given it; throws when there is no such file.
    static func absolutePath(_ path: String) throws -> String {
        guard let resolved = realpath(path, nil) else {
            throw CommandFailure("The file \(path) can't be read: \(String(cString: strerror(errno))).")
        }
        defer { free(resolved) }
        return String(cString: resolved)
    }
}

extension PluginFiles {
    static func list(folders: [String]) throws -> [PluginSummary] { [] }
    static func describe(_ file: String) throws -> PluginDescription {
        throw CommandFailure("The file \(file) can't be read.")
    }
}
