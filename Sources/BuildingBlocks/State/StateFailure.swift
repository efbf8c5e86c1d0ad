package import Components

/// Why a request to a state store failed, whatever wire it came by.
package enum StateFailure: Error, Sendable {
    package enum Operation: Sendable { case get, bulkGet, save, delete, bulkDelete, transaction, query }

    case notConfigured
    case notFound(store: String)
    case illegalKey(store: String, key: String)
    case emptyKey(store: String)
    case transactionsNotSupported(store: String)
    case tooManyOperations(store: String, count: Int, limit: Int)
    case unknownOperation(store: String, name: String)
    case queryNotSupported(store: String)
    /// The query's own text is wrong.
    case badQuery(store: String, cause: String)
    /// Metadata that the runtime itself reads is wrong (`ttlInSeconds`).
    case badMetadata(store: String, operation: Operation, cause: String)
    /// The component said no.
    case component(store: String, operation: Operation, key: String, error: CallError)
}
