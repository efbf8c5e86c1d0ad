import AdminAPI
import Components
import Resources

/// What is wrong with the files of resources, and what they name that is not there.
enum ResourceCheck {
    /// Component types that plugins say they have; a plugin without a note says it when it is loaded.
    struct Types {
        private let named: [String]
        private let isComplete: Bool

        init(_ catalog: PluginCatalog) {
            named = catalog.plugins.flatMap { $0.note?.types ?? [] }
            isComplete = catalog.plugins.allSatisfy { $0.note != nil }
        }

        /// A sentence about a type that no plugin has; nil when one has it, or may have it.
        func complaint(_ type: String) -> String? {
            guard isComplete, !named.contains(type) else { return nil }
            return "No plugin offers \(type)" + (nearest(type, in: named).map { "; did you mean \($0)?" } ?? ".")
        }
    }

    /// `types` is nil where a running runtime knows better than the files.
    static func findings(_ options: RuntimeOptions, types: Types?) -> [DoctorFinding] {
        let environment = ResourceReading.environment
        let set = ResourceLoader.load(
            paths: options.resourcePaths, appID: options.appID, namespace: environment["NAMESPACE"])
        let configuration = ConfigurationLoader.load(paths: options.configurationPaths, environment: environment)
        var findings = (set.diagnostics + configuration.diagnostics).compactMap(finding)
        guard let types else { return findings }
        for component in set.components {
            if let complaint = types.complaint(component.type) {
                findings.append(
                    about(component, complaint, "Correct spec.type, or put its plugin into a plugins folder."))
            }
            findings += secrets(of: component, among: set.components, environment)
        }
        return findings
    }

    private static func finding(_ diagnostic: Diagnostic) -> DoctorFinding? {
        guard diagnostic.severity != .note else { return nil }
        return DoctorFinding(
            severity: diagnostic.severity == .error ? .error : .warning,
            subject: diagnostic.resource ?? diagnostic.location.file,
            cause: "\(diagnostic.location): \(diagnostic.message).", remedy: "Mend the file; a running runtime reads it again.")
    }

    private static func about(_ component: ComponentResource, _ cause: String, _ remedy: String) -> DoctorFinding {
        DoctorFinding(
            severity: .error, subject: "component \(component.name)", cause: "\(component.header.source): \(cause)",
            remedy: remedy)
    }

    /// Secrets that a component refers to and that can't be there.
    private static func secrets(
        of component: ComponentResource, among all: [ComponentResource], _ environment: [String: String]
    ) -> [DoctorFinding] {
        component.metadata.compactMap { item in
            guard case .secret(let name, _) = item.value else { return nil }
            guard let store = component.secretStore, !store.isEmpty else {
                return about(
                    component, "The setting \(item.name) refers to the secret \(name), and auth.secretStore names no store.",
                    "Name the secret store in auth.secretStore.")
            }
            guard let found = all.first(where: { $0.name == store }) else {
                return about(
                    component, "The setting \(item.name) refers to the secret store \(store), which is not among the resources.",
                    "Add a component \(store) of a type secretstores.*, or correct auth.secretStore.")
            }
            guard found.type.hasPrefix("secretstores.") else {
                return about(
                    component, "auth.secretStore names \(store), which is a \(found.type).",
                    "Name a component of a type secretstores.*.")
            }
            guard found.type == "secretstores.local.env", found.metadata.isEmpty, environment[name] == nil else { return nil }
            return about(
                component,
                "The setting \(item.name) refers to the secret \(name) of \(store), and no environment variable has that name.",
                "Set \(name) in the environment of the runtime.")
        }
    }
}
