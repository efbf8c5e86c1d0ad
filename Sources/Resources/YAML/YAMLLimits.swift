/// What one text may cost. A resource file is written by people: whoever is over a limit made a mistake
/// or means harm.
package struct YAMLLimits: Sendable {
    /// Bytes of one file. A Kubernetes object ends at 1.5 MiB, a file may hold several.
    package var bytes = 4 << 20
    /// Documents of one file, empty ones counted.
    package var documents = 1_000
    /// Mappings and sequences within each other.
    package var depth = 64
    /// Nodes of one document with every alias counted as often as it is used; 64 bytes of a scalar count
    /// as one more. Stops documents that multiply themselves through aliases.
    package var nodes = 200_000

    package init() {}
}
