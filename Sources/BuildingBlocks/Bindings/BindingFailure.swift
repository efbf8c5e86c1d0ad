package import Components

/// Why an output binding did not do what it was asked for, whatever wire it came by.
package enum BindingFailure: Error, Sendable {
    /// There is no output binding of that name: no component, one of another kind, or one whose `direction` is input alone.
    case notFound(binding: String)
    /// The component said no.
    case component(binding: String, operation: String, error: CallError)

    /// In words, for the log.
    package var cause: String {
        switch self {
        case .notFound(let binding): "couldn't find output binding \(binding)"
        case .component(_, _, let error): error.message
        }
    }
}
