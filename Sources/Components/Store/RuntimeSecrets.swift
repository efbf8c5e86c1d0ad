import COctavo

/// Secrets of a component that the runtime itself uses and its plugin never sees, read when the instance was
/// made. Any thread; never shown.
package final class RuntimeSecrets: Sendable {
    package struct Secret: Sendable {
        /// What the secret is called in its store.
        package var name: String
        package var value: String

        package init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    private let secrets: [String: Secret]

    package init(_ secrets: [String: Secret]) { self.secrets = secrets }

    /// Those of a definition whose references are resolved; `nil` when there are none.
    init?(_ definition: ComponentDefinition, kind: Int32) {
        var found: [String: Secret] = [:]
        let names = MetadataCheck.runtimeNames(kind)
        for setting in definition.metadata where names.contains(setting.name.lowercased()) {
            guard let reference = setting.reference else { continue }
            found[setting.name.lowercased()] = Secret(name: reference.name, value: setting.value)
        }
        if found.isEmpty { return nil }
        secrets = found
    }

    /// The secret of a setting, named in lower case.
    package subscript(setting: String) -> Secret? { secrets[setting] }
}
