import NIOCore

/// Where a client's requests go, and what is spoken there. A value.
package struct ClientTarget: Sendable {
    /// What is spoken.
    package enum Wire: Sendable, Equatable {
        case http1
        /// With prior knowledge in plain text (RFC 9113 §3.3), by ALPN over TLS.
        case http2
        /// Over TLS: what ALPN chooses. In plain text the same as `http1`.
        case negotiated
    }

    package var endpoint: Server.Endpoint
    package var wire: Wire
    /// nil is plain text.
    package var tls: TLSClientContext?
    /// The `host` of requests, and the name that a certificate must be for.
    package var host: String
    /// The URI that the certificate of the peer must be for, and no other; nil: it is known by `host`.
    package var peerURI: String?
    /// Over HTTP/2: whether nothing is sent before the server has spoken, so that what it has certainly not seen is known to be so, also
    /// where it ends while connections wait to be accepted. Costs a way there and back for each connection.
    package var awaitsGreeting: Bool

    /// `host` is the name in `endpoint` when it is nil; `localhost` for a Unix socket.
    package init(
        _ endpoint: Server.Endpoint, wire: Wire, tls: TLSClientContext? = nil, host: String? = nil, peerURI: String? = nil,
        awaitsGreeting: Bool = false
    ) {
        self.awaitsGreeting = awaitsGreeting || peerURI != nil
        self.endpoint = endpoint
        self.wire = wire
        self.tls = tls
        self.peerURI = peerURI
        switch endpoint {
        case .tcp(let name, _): self.host = host ?? name
        case .unix: self.host = host ?? "localhost"
        }
    }

    /// The value of `host` and `:authority` (RFC 9110 §7.2).
    var authority: String {
        guard case .tcp(_, let port) = endpoint, port != (tls == nil ? 80 : 443) else { return bracketed }
        return "\(bracketed):\(port)"
    }

    private var bracketed: String { host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]" : host }

    var scheme: String { tls == nil ? "http" : "https" }
}
