/// What a TLS server needs: certificate, key, and optionally whom to trust as a client. Immutable, any thread.
///
/// TLS 1.2 and 1.3; ALPN offers `h2`, then `http/1.1`.
package final class TLSServerContext: Sendable {
    /// Whether peers may also speak plain text on the same listener.
    package let allowsPlaintext: Bool

    /// Reads PEM files: the certificate with its chain, its key, and, to demand certificates of clients, the
    /// authorities that may have signed them. Throws `TLSError` with the file and the cause.
    package init(
        certificate: String, key: String, clientAuthorities: String? = nil, allowsPlaintext: Bool = false
    ) throws {
        self.allowsPlaintext = allowsPlaintext
    }
}

/// Why TLS could not be set up.
package struct TLSError: Error, CustomStringConvertible {
    /// A sentence that names the file and the cause.
    package let description: String
}
