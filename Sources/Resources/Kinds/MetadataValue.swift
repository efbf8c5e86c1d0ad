/// A value in a resource: written out, or where to find it.
package enum MetadataValue: Sendable, Equatable {
    /// As written in the file, whatever type YAML sees in it. Placeholders are still in it.
    case text(String)
    /// A key of a secret in the component's secret store.
    case secret(name: String, key: String)
    /// An environment variable of the runtime.
    case environment(String)
}

/// A named value in a resource.
package struct MetadataItem: Sendable, Equatable {
    /// Names are compared without regard to case.
    package var name: String
    package var value: MetadataValue
    package var source: SourceLocation

    package init(name: String, value: MetadataValue, source: SourceLocation) {
        self.name = name
        self.value = value
        self.source = source
    }
}
