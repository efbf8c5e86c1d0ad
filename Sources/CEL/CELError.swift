/// Why an expression can't be read, or has no value. Source: the Common Expression Language's definition.
package struct CELError: Error, Sendable, Equatable, CustomStringConvertible {
    package let cause: String
    /// Bytes into the expression; `nil` when it is of no place.
    package let offset: Int?

    package init(_ cause: String, at offset: Int? = nil) {
        self.cause = cause
        self.offset = offset
    }

    package var description: String { offset.map { "\(cause) at byte \($0)" } ?? cause }
}
