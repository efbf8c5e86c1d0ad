/// The version of this build.
package enum Version {
    /// Semantic version, as `octavo version` prints it.
    package static let current = "0.1.0"
}
