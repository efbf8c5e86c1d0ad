package import Components

/// Why a request to a configuration store failed, whatever wire it came by.
package enum ConfigurationFailure: Error, Sendable {
    package enum Operation: Sendable { case get, set, remove, subscribe }

    /// There is no configuration store at all.
    case notConfigured
    case notFound(store: String)
    /// The component said no. `keys`: what was asked for, none for all.
    case component(store: String, operation: Operation, keys: [String], error: CallError)
}
