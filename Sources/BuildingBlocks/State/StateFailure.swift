package import Components

/// Why a request to a state store failed, whatever wire it came by.
package enum StateFailure: Error, Sendable {
    package enum Operation: Sendable { case get, bulkGet, save, delete, bulkDelete, transaction, query }

    /// There is no state store at all; the name is the one that was asked for.
    case notConfigured(store: String)
    case notFound(store: String)
    case illegalKey(store: String, key: String)
    case emptyKey(store: String, operation: Operation)
    /// The request would take more memory than one request may.
    case tooLarge(store: String, operation: Operation, bytes: Int, limit: Int)
    case transactionsNotSupported(store: String)
    case tooManyOperations(store: String, count: Int, limit: Int)
    case unknownOperation(store: String, name: String)
    case queryNotSupported(store: String)
    /// The query's own text is wrong.
    case badQuery(store: String, cause: String)
    /// Metadata that the runtime itself reads is wrong (`ttlInSeconds`).
    case badMetadata(store: String, operation: Operation, cause: String)
    /// The component lacks a feature that the request asks for.
    case notOffered(store: String, operation: Operation, cause: String)
    /// The component said no.
    case component(store: String, operation: Operation, key: String, error: CallError)
}
