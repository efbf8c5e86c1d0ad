/// A `Component` document: one instance of a component type and its settings.
package struct ComponentResource: Sendable, Equatable {
    /// When it starts, and what waits for it: annotation `octavo.io/start`.
    package enum StartMode: String, Sendable, CaseIterable {
        /// Readiness waits for it.
        case required
        /// It starts in the background; nothing waits.
        case optional
        /// It starts with the first call.
        case lazy
    }

    package var header: ResourceHeader
    /// `state.redis`.
    package var type: String
    /// `v1` when not written.
    package var version = "v1"
    package var initTimeout = Duration.seconds(5)
    /// As written; nil when it is not.
    package var ignoreErrors: Bool?
    /// In the order of the file; names are unique without regard to case.
    package var metadata: [MetadataItem] = []
    /// The secret store that `secretKeyRef`s are looked up in (`auth.secretStore`).
    package var secretStore: String?
    /// Nil when not written.
    package var startMode: StartMode?
    /// Settings that the type does not know are errors: annotation `octavo.io/strict`.
    package var isStrict = false
    /// Where the plugin's code runs, as written: annotation `octavo.io/isolation`. What the words mean is for
    /// the component store to say.
    package var isolation: String?

    package init(header: ResourceHeader, type: String) {
        self.header = header
        self.type = type
    }

    package var name: String { header.name }

    /// Names of the annotations that a component may carry for this runtime. Dapr ignores them.
    package static let annotationNames = ["octavo.io/start", "octavo.io/strict", "octavo.io/isolation"]

    /// Whether a secret store must answer before it can start.
    package var needsSecrets: Bool {
        metadata.contains { if case .secret = $0.value { true } else { false } }
    }
}
