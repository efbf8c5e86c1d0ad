package import AdminAPI
import Components

/// What would keep a runtime with these options from starting, or from working once it has: found out without
/// starting one, and without running a plugin's code.
package enum StartCheck {
    /// Errors and warnings, in the order in which a start would meet them.
    package static func findings(_ options: RuntimeOptions) -> [DoctorFinding] {
        let catalog = PluginCatalog(folders: options.pluginFolders)
        return FolderCheck.findings(options.dataFolder) + ListenerCheck.findings(options) + rejected(catalog)
            + ResourceCheck.findings(options, types: ResourceCheck.Types(catalog))
    }

    private static func rejected(_ catalog: PluginCatalog) -> [DoctorFinding] {
        catalog.rejected.map { path, error in
            DoctorFinding(
                severity: .error, subject: "plugin \(path)", cause: "\(error)", remedy: "Mend or remove that file.")
        }
    }
}
