import Certificates
import COpenSSL

/// What both sides of a connection between peers that show each other who they are have in common.
enum TLSCredentials {
    /// Puts certificate, chain, key and roots into `context`.
    static func install(_ credentials: Credentials, on context: OpaquePointer) throws {
        guard SSL_CTX_use_certificate(context, credentials.chain[0].pointer) == 1,
            SSL_CTX_use_PrivateKey(context, credentials.key.pointer) == 1
        else { throw TLSError(description: "The certificate of \(credentials.identity) is not usable: \(OpenSSLError.take()).") }
        for one in credentials.chain.dropFirst() {
            // It counts its users; the context has one use of its own.
            X509_up_ref(one.pointer)
            guard SSL_CTX_ctrl(context, SSL_CTRL_EXTRA_CHAIN_CERT, 0, UnsafeMutableRawPointer(one.pointer)) == 1 else {
                X509_free(one.pointer)
                throw TLSError(description: "The chain of the certificate of \(credentials.identity) is not usable: \(OpenSSLError.take()).")
            }
        }
        let store = SSL_CTX_get_cert_store(context)
        for root in credentials.roots { X509_STORE_add_cert(store, root.pointer) }
        ERR_clear_error()
        // Nobody comes in by what it was before: every connection is a whole handshake, with the roots that are trusted then.
        SSL_CTX_set_options(context, UInt64(1) << 14)
        SSL_CTX_set_num_tickets(context, 0)
        _ = SSL_CTX_ctrl(context, SSL_CTRL_SET_SESS_CACHE_MODE, Int(SSL_SESS_CACHE_OFF), nil)
    }
}
