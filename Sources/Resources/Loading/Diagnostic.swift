/// Something to tell the operator about a resource file: where, which resource, why, and what to do.
/// Never holds a metadata value, because that may be a secret.
package struct Diagnostic: Sendable, Equatable, CustomStringConvertible {
    package enum Severity: String, Sendable {
        /// The resource is not used.
        case error
        /// The resource is used, but something in it is probably not meant so.
        case warning
        /// Worth knowing when one searches for a reason.
        case note
    }

    package var severity: Severity
    package var location: SourceLocation
    /// `Component "orders"`; nil when the trouble is with the file itself.
    package var resource: String?
    /// The cause and what to do: one sentence without a full stop.
    package var message: String

    package init(_ severity: Severity, _ location: SourceLocation, resource: String? = nil, _ message: String) {
        self.severity = severity
        self.location = location
        self.resource = resource
        self.message = message
    }

    /// `file:line:column: error: Component "orders": …`, as compilers say it.
    package var description: String {
        "\(location): \(severity.rawValue): \(resource.map { "\($0): " } ?? "")\(message)"
    }
}
