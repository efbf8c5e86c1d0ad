extension Server {
    /// What a peer may ask for. Every default can be raised or lowered; none can be switched off.
    package struct Limits: Sendable {
        /// Largest request message or buffered body, after decompression. `--max-body-size`.
        package var maxBodySize = 4 << 20
        /// Largest reply message.
        package var maxReplySize = 64 << 20
        /// Bytes of unanswered request bodies that one event loop holds for all its connections.
        package var maxBufferedBytes = 256 << 20
        /// Bytes of all header fields of a request, with 32 for each (RFC 9113 §6.5.2).
        package var maxHeaderBytes = 32 << 10
        /// Number of header fields of a request.
        package var maxHeaderCount = 128
        /// Streams that one HTTP/2 connection may have open.
        package var maxConcurrentStreams = 1000
        /// Open connections of the server.
        package var maxConnections = 10_000
        /// Users that may connect to a Unix socket of the server, as the kernel tells them (SO_PEERCRED); nil leaves it
        /// to the mode of the socket file.
        package var allowedUsers: Set<UInt32>?
        /// HTTP/2 window of one stream, in bytes: what may be on its way that nobody asked for yet.
        package var streamWindow = 1 << 20
        /// HTTP/2 window of a connection, in bytes.
        package var connectionWindow = 8 << 20
        /// Outgoing bytes of one stream above which `send` returns false.
        package var sendHighWater = 256 << 10
        /// Outgoing bytes of one stream below which it is writable again.
        package var sendLowWater = 64 << 10
        /// Outgoing bytes of one stream above which a sender that ignores the high-water mark fails.
        package var maxSendBuffer = 128 << 20
        /// Replies at least this long are compressed for callers that accept gzip.
        package var compressionThreshold = 1 << 10
        /// Resets, pings, settings, priorities and empty frames that a connection may send within ten seconds.
        package var maxControlFrames = 1000

        /// TLS handshake.
        package var handshakeTimeout = Duration.seconds(10)
        /// From the first byte of a request until its headers are complete; also for the first byte of a connection.
        package var headerTimeout = Duration.seconds(15)
        /// Without a byte of a request body that is still awaited.
        package var bodyTimeout = Duration.seconds(60)
        /// Without progress while outgoing bytes wait.
        package var writeTimeout = Duration.seconds(60)
        /// A connection without requests is closed.
        package var idleTimeout = Duration.seconds(600)
        /// An HTTP/2 connection on which nothing came for this long is pinged.
        package var keepAliveTime = Duration.seconds(60)
        /// An unanswered ping closes the connection.
        package var keepAliveTimeout = Duration.seconds(20)
        /// Connections are asked to go away after this long; nil keeps them.
        package var maxConnectionAge: Duration?

        package init() {}
    }
}
