/// A request of an operator that could not be done.
package struct AdminError: Error, Sendable, Equatable, Codable, CustomStringConvertible {
    /// Why, as a stable word for programs.
    package struct Code: RawRepresentable, Sendable, Hashable, Codable {
        package let rawValue: String
        package init(rawValue: String) { self.rawValue = rawValue }

        /// There is no such plugin, component, store or route.
        package static let notFound = Code(rawValue: "NOT_FOUND")
        /// The request itself is wrong.
        package static let invalid = Code(rawValue: "INVALID")
        /// The request is right but not in the present state: a stale etag, a name that is taken, a plugin in use.
        package static let conflict = Code(rawValue: "CONFLICT")
        /// The plugin file can't be used; the message says which field is wrong.
        package static let rejected = Code(rawValue: "REJECTED")
        /// The caller may not do this.
        package static let forbidden = Code(rawValue: "FORBIDDEN")
        /// The component or the runtime can't answer now; the same request may succeed later.
        package static let unavailable = Code(rawValue: "UNAVAILABLE")
        /// The component can't do this at all.
        package static let unsupported = Code(rawValue: "UNSUPPORTED")
        /// It took too long, and may have taken effect.
        package static let timeout = Code(rawValue: "TIMEOUT")
        /// The request or its body is larger than the limit.
        package static let tooLarge = Code(rawValue: "TOO_LARGE")
        /// A defect of the runtime.
        package static let `internal` = Code(rawValue: "INTERNAL")
    }

    package let code: Code
    /// A full sentence for the operator: what, why, what to do.
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }

    /// The status of the HTTP answer that carries this error. Codes of a later version are 500.
    package var httpStatus: Int {
        switch code {
        case .notFound: 404
        case .invalid: 400
        case .conflict: 409
        case .rejected: 422
        case .forbidden: 403
        case .unavailable: 503
        case .unsupported: 501
        case .timeout: 504
        case .tooLarge: 413
        default: 500
        }
    }
}
