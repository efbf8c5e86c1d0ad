/// Reads the configuration of the runtime from its files. Blocks on the disk: for the control plane.
package enum ConfigurationLoader {
    /// The configuration and what there is to say about it.
    package struct Outcome: Sendable, Equatable {
        /// Nil when no file held one that could be used: the defaults apply.
        package var configuration: ConfigurationResource?
        package var diagnostics: [Diagnostic] = []
    }

    /// Lays the `Configuration` documents of the files over each other in the order given: mappings are
    /// combined, everything else is replaced by the later one. Environment variables are filled in first.
    package static func load(
        paths: [String], environment: [String: String], limits: YAMLLimits = YAMLLimits()
    ) -> Outcome {
        var outcome = Outcome()
        var merged: YAMLNode?
        let expansion = EnvironmentExpansion(environment: environment)
        for path in paths {
            let bytes: [UInt8]
            do throws(FileContents.Failure) {
                bytes = try FileContents.read(path, limit: limits.bytes)
            } catch {
                outcome.diagnostics.append(ResourceLoader.unreadable(path, "the configuration file", error))
                continue
            }
            for result in YAMLText.documents(bytes, limits: limits) {
                var report = Report(file: path)
                switch result {
                case .failure(let error): report.error(error.mark, error.message)
                case .success(let node):
                    let expanded = expansion.expand(node, &report)
                    // Read by itself, so that errors name the right file.
                    if case .configuration(let one)? = ResourceText.resource(expanded, nil, &report) {
                        let whole = merged?.overlaid(with: expanded) ?? expanded
                        merged = whole
                        var silent = Report(file: path)
                        if case .configuration(var all)? = ResourceText.resource(whole, nil, &silent) {
                            all.header = one.header
                            outcome.configuration = all
                        }
                    }
                }
                outcome.diagnostics += report.diagnostics
            }
        }
        return outcome
    }
}
