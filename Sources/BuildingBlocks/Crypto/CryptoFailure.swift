package import Components

/// Why something of the crypto API could not be done.
package enum CryptoFailure: Error, Sendable {
    case notConfigured
    case notFound(component: String)
    /// The request lacks something or contradicts itself; a sentence without its full stop.
    case request(String)
    /// The data is no message of the scheme, or not what was encrypted; a sentence without its full stop.
    case data(String)
    /// Of the operation on a key.
    case component(key: String, error: CallError)
    /// Of reading a public key.
    case publicKey(key: String, error: CallError)
}
