extension Server {
    /// Counts of a server, summed over its event loops. A value.
    package struct Statistics: Sendable, Equatable {
        /// Connections that are open now.
        package var openConnections = 0
        /// HTTP/2 streams and HTTP/1.1 requests that are open now.
        package var openStreams = 0
        /// Bytes of requests that are held now.
        package var bufferedBytes = 0
        /// Connections taken so far.
        package var connections: UInt64 = 0
        /// Connections refused because `Limits.maxConnections` were open.
        package var refusedConnections: UInt64 = 0
        /// gRPC calls started so far.
        package var calls: UInt64 = 0
        /// Other requests started so far.
        package var requests: UInt64 = 0
        /// What peers did wrong, by cause.
        package var errors: [ProtocolError: UInt64] = [:]

        package init() {}

        mutating func add(_ other: Self) {
            openConnections += other.openConnections
            openStreams += other.openStreams
            bufferedBytes += other.bufferedBytes
            connections &+= other.connections
            calls &+= other.calls
            requests &+= other.requests
            errors.merge(other.errors) { $0 &+ $1 }
        }
    }

    /// Why the transport refused a request, a stream or a connection.
    package enum ProtocolError: String, Sendable, CaseIterable {
        case malformedHTTP1 = "malformed-http1"
        case malformedHTTP2 = "malformed-http2"
        case malformedGRPC = "malformed-grpc"
        case headersTooLarge = "headers-too-large"
        case bodyTooLarge = "body-too-large"
        case outOfBuffers = "out-of-buffers"
        case flood
        case slowHeaders = "slow-headers"
        case slowBody = "slow-body"
        case slowReader = "slow-reader"
        case deadPeer = "dead-peer"
        case tls
    }
}
