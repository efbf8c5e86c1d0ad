package import Components

/// Why a request to a lock store failed, whatever wire it came by. That somebody else has the lock is no failure.
package enum LockFailure: Error, Sendable {
    package enum Operation: Sendable { case lock, unlock, extend }

    /// There is no lock store at all.
    case notConfigured
    case notFound(store: String)
    case emptyResource(store: String)
    case emptyOwner(store: String)
    case expiryNotPositive(store: String)
    /// It holds the separator of prefix and key.
    case illegalResource(store: String, resource: String)
    /// The component said no.
    case component(store: String, operation: Operation, error: CallError)
}
