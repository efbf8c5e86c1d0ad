/// Why a text is not JSON (RFC 8259).
package struct JSONError: Error, Sendable, Equatable, CustomStringConvertible {
    /// Bytes before the place.
    package let offset: Int
    package let cause: String

    package var description: String { "\(cause) at byte \(offset)" }
}
