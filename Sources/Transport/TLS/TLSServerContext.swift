package import Certificates
import COpenSSL
import TextSearch

#if canImport(Glibc)
    import Glibc
#endif

/// What a TLS server needs: certificate, key, and optionally whom to trust as a client. Immutable, any thread.
///
/// TLS 1.2 and 1.3; ALPN offers `h2`, then `http/1.1`.
package final class TLSServerContext: Sendable {
    /// Whether peers may also speak plain text on the same listener.
    package let allowsPlaintext: Bool
    /// Whether HTTP/2 alone is spoken.
    let requiresHTTP2: Bool
    /// Who may vouch for a client, when clients must have a certificate.
    let roots: [Certificate]
    /// An `SSL_CTX`, complete when `init` returns; OpenSSL counts its users atomically and allows `SSL_new` from any
    /// thread (openssl-threads(7)).
    nonisolated(unsafe) let context: OpaquePointer

    /// Reads PEM files: the certificate with its chain, its key, and, to demand certificates of clients, the
    /// authorities that may have signed them. Throws `TLSError` with the file and the cause.
    package init(
        certificate: String, key: String, clientAuthorities: String? = nil, allowsPlaintext: Bool = false
    ) throws {
        self.allowsPlaintext = allowsPlaintext
        requiresHTTP2 = false
        for (path, what) in [(certificate, "certificate"), (key, "key"), (clientAuthorities ?? key, "client CA")] {
            guard access(path, R_OK) == 0 else {
                throw TLSError(description: "Can't read the TLS \(what) \(path): \(String(cString: strerror(errno))).")
            }
        }
        ERR_clear_error()
        guard let context = SSL_CTX_new(TLS_server_method()) else {
            throw TLSError(description: "OpenSSL has no TLS server: \(OpenSSLError.take()).")
        }
        do {
            try Self.configure(context, certificate, key, clientAuthorities)
            roots = try clientAuthorities.map { try Certificate.read($0, what: "TLS client CA") } ?? []
        } catch {
            SSL_CTX_free(context)
            throw error
        }
        self.context = context
    }

    /// For peers that show each other who they are: a client must have a certificate of the trusted roots. HTTP/2 alone.
    package init(_ credentials: Credentials) throws {
        allowsPlaintext = false
        requiresHTTP2 = true
        roots = credentials.roots
        ERR_clear_error()
        guard let context = SSL_CTX_new(TLS_server_method()) else {
            throw TLSError(description: "OpenSSL has no TLS server: \(OpenSSLError.take()).")
        }
        Self.restrict(context)
        do {
            try TLSCredentials.install(credentials, on: context)
        } catch {
            SSL_CTX_free(context)
            throw error
        }
        for root in credentials.roots { SSL_CTX_add_client_CA(context, root.pointer) }
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nil)
        SSL_CTX_set_alpn_select_cb(context, selectHTTP2, nil)
        self.context = context
    }

    deinit { SSL_CTX_free(context) }

    private static func configure(
        _ context: OpaquePointer, _ certificate: String, _ key: String, _ clientAuthorities: String?
    ) throws {
        restrict(context)
        try identify(context, certificate, key)
        if let clientAuthorities {
            guard SSL_CTX_load_verify_locations(context, clientAuthorities, nil) == 1 else {
                throw TLSError(
                    description: "The TLS client CA \(clientAuthorities) is not usable: \(OpenSSLError.take()).")
            }
            SSL_CTX_set_client_CA_list(context, SSL_load_client_CA_file(clientAuthorities))
            SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nil)
            let id: StaticString = "octavo"
            SSL_CTX_set_session_id_context(context, id.utf8Start, UInt32(id.utf8CodeUnitCount))
        }
        SSL_CTX_set_alpn_select_cb(context, selectProtocol, nil)
    }

    private static func restrict(_ context: OpaquePointer) {
        _ = SSL_CTX_ctrl(context, SSL_CTRL_SET_MIN_PROTO_VERSION, Int(TLS1_2_VERSION), nil)
        // No compression (CRIME), no renegotiation: a client could make us work without sending requests.
        SSL_CTX_set_options(context, UInt64(1) << 17 | UInt64(1) << 30)
        // Memory is let go of while a connection is idle; a moved buffer may be written again.
        _ = SSL_CTX_ctrl(
            context, SSL_CTRL_MODE, Int(SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER), nil)
    }

    private static func identify(_ context: OpaquePointer, _ certificate: String, _ key: String) throws {
        guard SSL_CTX_use_certificate_chain_file(context, certificate) == 1 else {
            throw TLSError(description: "The TLS certificate \(certificate) is not usable: \(OpenSSLError.take()).")
        }
        guard SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) == 1 else {
            let cause = OpenSSLError.take()
            throw TLSError(
                description: cause.contains(text: "mismatch")
                    ? "The TLS key \(key) does not belong to the certificate \(certificate)."
                    : "The TLS key \(key) is not usable: \(cause).")
        }
        guard SSL_CTX_check_private_key(context) == 1 else {
            _ = OpenSSLError.take()
            throw TLSError(description: "The TLS key \(key) does not belong to the certificate \(certificate).")
        }
    }
}

/// RFC 7301 §3.2: takes the first of ours that the client offers; none is an alert, as RFC 9113 §3.3 wants HTTP/2 by
/// ALPN and everybody else may leave ALPN out.
private let selectProtocol: SSL_CTX_alpn_select_cb_func = { _, out, outLength, offered, offeredLength, _ in
    let ours: StaticString = "\u{2}h2\u{8}http/1.1"
    var chosen: UnsafeMutablePointer<UInt8>?
    let result = SSL_select_next_proto(
        &chosen, outLength, ours.utf8Start, UInt32(ours.utf8CodeUnitCount), offered, offeredLength)
    guard result == OPENSSL_NPN_NEGOTIATED else { return SSL_TLSEXT_ERR_ALERT_FATAL }
    out?.pointee = UnsafePointer(chosen)
    return SSL_TLSEXT_ERR_OK
}

/// The same for peers that speak HTTP/2 alone.
private let selectHTTP2: SSL_CTX_alpn_select_cb_func = { _, out, outLength, offered, offeredLength, _ in
    let ours: StaticString = "\u{2}h2"
    var chosen: UnsafeMutablePointer<UInt8>?
    let result = SSL_select_next_proto(
        &chosen, outLength, ours.utf8Start, UInt32(ours.utf8CodeUnitCount), offered, offeredLength)
    guard result == OPENSSL_NPN_NEGOTIATED else { return SSL_TLSEXT_ERR_ALERT_FATAL }
    out?.pointee = UnsafePointer(chosen)
    return SSL_TLSEXT_ERR_OK
}

/// Why TLS could not be set up.
package struct TLSError: Error, CustomStringConvertible {
    /// A sentence that names the file and the cause.
    package let description: String
}
