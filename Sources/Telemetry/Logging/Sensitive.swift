/// A value that may stand in log metadata but never shows: `["password": "\(Sensitive(password))"]`.
package struct Sensitive: Sendable, CustomStringConvertible, CustomDebugStringConvertible {
    /// What is shown in place of any secret.
    package static let mask = "***"

    package init(_ value: String) {}

    package var description: String { Self.mask }
    package var debugDescription: String { Self.mask }
}
