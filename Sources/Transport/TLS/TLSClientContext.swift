package import Certificates
import COpenSSL

#if canImport(Glibc)
    import Glibc
#endif

/// What a TLS client needs: whom it trusts, and what it speaks. Immutable, any thread.
///
/// TLS 1.2 and 1.3.
package final class TLSClientContext: Sendable {
    /// Which servers are taken for what they say they are.
    package enum Trust: Sendable, Equatable {
        /// Those with a certificate of the system's authorities, for the name that was asked for.
        case system
        /// The same, of the authorities in a PEM file.
        case authorities(file: String)
        /// The same, of the authorities in a PEM text, and of no other.
        case roots(pem: String)
        /// Everybody: for a peer on the same machine, as Dapr has it for `https` and `grpcs` apps.
        case everybody
    }

    /// What is offered by ALPN, best first.
    package enum Offer: Sendable { case http2, http1, http2OrHTTP1 }

    /// An `SSL_CTX`, complete when `init` returns; OpenSSL counts its users atomically and allows `SSL_new` from any
    /// thread (openssl-threads(7)).
    nonisolated(unsafe) let context: OpaquePointer
    private let verifies: Bool
    /// Who is trusted as a server, where peers are known by certificates that may change while the client is in use.
    let roots: [Certificate]

    /// Throws `TLSError` with the file and the cause. `identity`: certificate, with its chain, and key of the client as PEM
    /// texts, for servers that ask who calls.
    package init(trust: Trust, offer: Offer, identity: (certificate: String, key: String)? = nil) throws {
        verifies = trust != .everybody
        roots = []
        ERR_clear_error()
        guard let context = SSL_CTX_new(TLS_client_method()) else {
            throw TLSError(description: "OpenSSL has no TLS client: \(OpenSSLError.take()).")
        }
        do {
            try Self.configure(context, trust, offer)
            if let identity { try TLSText.use(certificate: identity.certificate, key: identity.key, on: context) }
        } catch {
            SSL_CTX_free(context)
            throw error
        }
        self.context = context
    }

    /// For peers that show each other who they are. Whom a server must be says `ClientTarget.peerURI`. HTTP/2 alone.
    package init(_ credentials: Credentials) throws {
        // Not by its name.
        verifies = false
        roots = credentials.roots
        ERR_clear_error()
        guard let context = SSL_CTX_new(TLS_client_method()) else {
            throw TLSError(description: "OpenSSL has no TLS client: \(OpenSSLError.take()).")
        }
        do {
            try Self.configure(context, .everybody, .http2)
            try TLSCredentials.install(credentials, on: context)
        } catch {
            SSL_CTX_free(context)
            throw error
        }
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nil)
        self.context = context
    }

    deinit { SSL_CTX_free(context) }

    private static func configure(_ context: OpaquePointer, _ trust: Trust, _ offer: Offer) throws {
        _ = SSL_CTX_ctrl(context, SSL_CTRL_SET_MIN_PROTO_VERSION, Int(TLS1_2_VERSION), nil)
        // No compression (CRIME), no renegotiation.
        SSL_CTX_set_options(context, UInt64(1) << 17 | UInt64(1) << 30)
        _ = SSL_CTX_ctrl(
            context, SSL_CTRL_MODE, Int(SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER), nil)
        switch trust {
        case .system:
            guard SSL_CTX_set_default_verify_paths(context) == 1 else {
                throw TLSError(description: "The system's TLS authorities are not usable: \(OpenSSLError.take()).")
            }
        case .authorities(let file):
            guard access(file, R_OK) == 0 else {
                throw TLSError(description: "Can't read the TLS authorities \(file): \(String(cString: strerror(errno))).")
            }
            guard SSL_CTX_load_verify_locations(context, file, nil) == 1 else {
                throw TLSError(description: "The TLS authorities \(file) are not usable: \(OpenSSLError.take()).")
            }
        case .roots(let pem): try TLSText.trust(pem, on: context)
        case .everybody: break
        }
        SSL_CTX_set_verify(context, trust == .everybody ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, nil)
        let names: StaticString =
            switch offer {
            case .http2: "\u{2}h2"
            case .http1: "\u{8}http/1.1"
            case .http2OrHTTP1: "\u{2}h2\u{8}http/1.1"
            }
        guard SSL_CTX_set_alpn_protos(context, names.utf8Start, UInt32(names.utf8CodeUnitCount)) == 0 else {
            throw TLSError(description: "Out of memory for a TLS client.")
        }
    }

    /// Asks for `server` (SNI, RFC 6066 §3) and, when servers are verified, takes a certificate for it alone.
    func name(_ server: String, on ssl: OpaquePointer) throws {
        var address = in6_addr()
        let isAddress = inet_pton(AF_INET, server, &address) == 1 || inet_pton(AF_INET6, server, &address) == 1
        if !isAddress {
            var name = Array(server.utf8CString)
            _ = SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, Int(TLSEXT_NAMETYPE_host_name), &name)
        }
        guard verifies else { return }
        let isSet =
            isAddress ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), server) : SSL_set1_host(ssl, server)
        guard isSet == 1 else { throw TLSError(description: "\(server) is no name that a certificate can be for.") }
    }
}
