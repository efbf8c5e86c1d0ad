import AdminAPI
import Glibc

/// Where things are when no flag says it.
enum DefaultFolders {
    /// `$XDG_DATA_HOME/octavo/<app id>`, else below `~/.local/share`, else below `/var/lib` (a service without a
    /// home). Source: XDG Base Directory Specification 0.8, which has relative paths ignored.
    static func data(appID: String, environment: (String) -> String?) -> String {
        if let folder = environment("XDG_DATA_HOME"), folder.hasPrefix("/") { return "\(folder)/octavo/\(appID)" }
        if let home = environment("HOME"), home.hasPrefix("/"), home != "/" {
            return "\(home)/.local/share/octavo/\(appID)"
        }
        return "/var/lib/octavo/\(appID)"
    }

    /// The socket that the other commands look for.
    static func adminSocket(appID: String) -> String {
        AdminSocket.path(appID: appID)
    }

    /// The plugins that came with this executable: `../lib/octavo/plugins` of an installation, else the
    /// executable's own folder (a build tree).
    static func plugins() -> [String] {
        guard let executable = executablePath(), let slash = executable.lastIndex(of: "/") else {
            return ["/usr/local/lib/octavo/plugins"]
        }
        let folder = String(executable[..<slash])
        let installed = folder.split(separator: "/").dropLast().map { "/" + $0 }.joined() + "/lib/octavo/plugins"
        return [access(installed, F_OK) == 0 ? installed : folder]
    }

    /// The program that serves isolated plugins, beside the executable (a build tree) or in `../lib/octavo` of
    /// an installation.
    static func pluginHost() -> String? {
        guard let executable = executablePath(), let slash = executable.lastIndex(of: "/") else { return nil }
        let folder = String(executable[..<slash])
        let installed = folder.split(separator: "/").dropLast().map { "/" + $0 }.joined() + "/lib/octavo"
        return [folder, installed].map { $0 + "/octavo-plugin-host" }.first { access($0, X_OK) == 0 }
    }

    /// Where the kit for plugins in Swift may be: `../share/octavo/plugin-kit` of an installation, `sdk-c/plugin-kit` of
    /// the sources that a build tree belongs to.
    static func pluginKits() -> [String] {
        guard let executable = executablePath() else { return ["/usr/local/share/octavo/plugin-kit"] }
        let parts = executable.split(separator: "/").dropLast().map { "/" + $0 }
        var places = [parts.dropLast().joined() + "/share/octavo/plugin-kit"]
        if let build = parts.firstIndex(where: { $0.hasPrefix("/.build") }) { places.append(parts[..<build].joined() + "/sdk-c/plugin-kit") }
        return places
    }

    private static func executablePath() -> String? {
        guard let path = realpath("/proc/self/exe", nil) else { return nil }
        defer { free(path) }
        return String(cString: path)
    }
}
