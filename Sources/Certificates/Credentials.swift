import COpenSSL

#if canImport(Glibc)
    import Glibc
#endif

/// What a runtime shows other runtimes and whom it takes for one: its certificate with its chain, the key, and the roots
/// that it trusts. Read as a whole, so that no part is of another time than the rest. Immutable, any thread.
package final class Credentials: Sendable {
    /// Where they are.
    package struct Files: Sendable, Equatable {
        /// The certificate and what leads from it to a root.
        package var certificate: String
        package var key: String
        /// The roots; several while they are changed.
        package var authorities: String

        package init(certificate: String, key: String, authorities: String) {
            self.certificate = certificate
            self.key = key
            self.authorities = authorities
        }
    }

    /// The runtime's own certificate first.
    package let chain: [Certificate]
    package let key: PrivateKey
    package let roots: [Certificate]
    package let identity: RuntimeIdentity
    package var notBefore: Int { chain[0].notBefore }
    package var notAfter: Int { chain[0].notAfter }

    /// `now`: seconds since 1970. Throws for files that can't be read, do not belong together, are not valid now, or whose
    /// certificate is not that of a runtime.
    package init(_ files: Files, now: Int = Credentials.now) throws(CertificateError) {
        chain = try Certificate.read(files.certificate, what: "certificate")
        key = try PrivateKey.read(files.key, what: "key")
        roots = try Certificate.read(files.authorities, what: "trusted roots")
        guard X509_check_private_key(chain[0].pointer, key.pointer) == 1 else {
            _ = OpenSSLError.take()
            throw CertificateError("The key \(files.key) does not belong to the certificate \(files.certificate).")
        }
        let names = chain[0].uris
        guard names.count == 1, let identity = RuntimeIdentity(uri: names[0]) else {
            let found = names.isEmpty ? "no URI" : names.map { "\"\($0)\"" }.joined(separator: " and ")
            throw CertificateError(
                "The certificate \(files.certificate) is not one of a runtime: it must be for exactly one URI of the form "
                    + "spiffe://TRUST-DOMAIN/ns/NAMESPACE/APP-ID, and is for \(found).")
        }
        self.identity = identity
        guard notBefore <= now else {
            throw CertificateError("The certificate \(files.certificate) is not valid before \(Self.text(notBefore)). Is the clock right?")
        }
        guard notAfter > now else {
            throw CertificateError("The certificate \(files.certificate) has expired at \(Self.text(notAfter)). Put a new one in its place.")
        }
        if let cause = Self.verdict(chain[0].pointer, chain: chain.dropFirst().map(\.pointer), roots: roots, now: now) {
            throw CertificateError("The certificate \(files.certificate) is of none of the roots in \(files.authorities): \(cause).")
        }
    }

    /// Whether the roots vouch for a certificate now, for a peer of either side of a connection; nil when they do, else why
    /// not. `chain` may hold the certificate itself.
    package static func verdict(_ leaf: OpaquePointer, chain: [OpaquePointer], roots: [Certificate], now: Int = Credentials.now) -> String? {
        guard let store = X509_STORE_new(), let context = X509_STORE_CTX_new() else { return "out of memory" }
        defer {
            X509_STORE_CTX_free(context)
            X509_STORE_free(store)
        }
        for root in roots { X509_STORE_add_cert(store, root.pointer) }
        guard let others = OPENSSL_sk_new_null() else { return "out of memory" }
        // The stack is let go of, what it holds is not its own.
        defer { OPENSSL_sk_free(others) }
        for one in chain { OPENSSL_sk_push(others, UnsafeRawPointer(one)) }
        guard X509_STORE_CTX_init(context, store, leaf, others) == 1 else { return OpenSSLError.take() }
        X509_VERIFY_PARAM_set_time(X509_STORE_CTX_get0_param(context), now)
        ERR_clear_error()
        if X509_verify_cert(context) == 1 { return nil }
        let error = X509_STORE_CTX_get_error(context)
        ERR_clear_error()
        return String(cString: X509_verify_cert_error_string(Int(error)))
    }

    package static var now: Int { time(nil) }

    /// A time as people read it (ISO 8601, UTC).
    package static func text(_ seconds: Int) -> String {
        var seconds = seconds
        var parts = tm()
        gmtime_r(&seconds, &parts)
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { text in
            let count = strftime(text.baseAddress!, text.count, "%Y-%m-%dT%H:%M:%SZ", &parts)
            return String(decoding: UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(text)[..<count]), as: UTF8.self)
        }
    }
}
