/// A component as its operator wrote it, secrets resolved.
package struct ComponentDefinition: Sendable, Equatable {
    /// When it starts, and what waits for it.
    package enum StartMode: String, Sendable {
        /// Readiness waits for it.
        case required
        /// It starts in the background; nothing waits.
        case optional
        /// It starts with the first call.
        case lazy
    }

    /// A secret of a secret store component. An empty key means the name.
    package struct SecretReference: Sendable, Equatable {
        package var store: String
        package var name: String
        package var key: String

        package init(store: String, name: String, key: String) {
            self.store = store
            self.name = name
            self.key = key
        }
    }

    package struct Setting: Sendable, Equatable {
        package var name: String
        package var value: String
        /// It came from a secret store: never shown.
        package var isSecret: Bool
        /// Where the value is to be read; `nil` when `value` is it.
        package var reference: SecretReference?

        package init(name: String, value: String, isSecret: Bool = false) {
            self.name = name
            self.value = value
            self.isSecret = isSecret
        }
    }

    package var name: String
    package var type: String
    package var version = "v1"
    package var metadata: [Setting]
    package var initTimeout: Duration = .seconds(5)
    /// `false` as written: an error that can't go away ends the runtime, as in Dapr. Not written: the
    /// runtime goes on without the component, and says so.
    package var ignoreErrors: Bool?
    package var startMode: StartMode = .required
    /// Where its plugin is to run, if the component says so.
    package var isolation: IsolationMode?
    /// Unknown settings are errors.
    package var isStrict = false
    /// It came while the runtime ran: readiness does not wait for it, and its errors do not end the runtime.
    package var isLate = false
    /// File and line that it comes from, for messages.
    package var source = ""

    package init(name: String, type: String, metadata: [Setting] = []) {
        self.name = name
        self.type = type
        self.metadata = metadata
    }

    /// What is not secret, by lower-case name.
    package var runtimeSettings: [String: String] {
        Dictionary(
            metadata.filter { !$0.isSecret }.map { ($0.name.lowercased(), $0.value) }, uniquingKeysWith: { $1 })
    }
}
