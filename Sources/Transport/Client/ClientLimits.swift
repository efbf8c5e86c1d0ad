/// What a client waits for and how much it takes. Every default can be changed; none can be switched off.
package struct ClientLimits: Sendable {
    /// Connections of HTTP/1.1 to one target from one event loop.
    package var maxConnections = 64
    /// Connections of HTTP/2 to one target from one event loop; another is opened when all are at the server's limit.
    package var maxHTTP2Connections = 2
    /// Streams that one HTTP/2 connection has open at most; the server may want fewer.
    package var maxConcurrentStreams = 1000
    /// Requests that wait for a connection.
    package var maxWaiting = 10_000
    /// Largest body of a buffered response, and largest message of a gRPC reply, after decompression.
    package var maxResponseSize = 64 << 20
    /// Bytes of all header fields of a response, with 32 for each (RFC 9113 §6.5.2).
    package var maxHeaderBytes = 64 << 10
    /// Number of header fields of a response.
    package var maxHeaderCount = 256
    /// HTTP/2 window of one stream, in bytes: what may be on its way that nobody asked for yet.
    package var streamWindow = 1 << 20
    /// HTTP/2 window of a connection, in bytes.
    package var connectionWindow = 8 << 20
    /// Outgoing bytes of one request above which `write` and `send` return false.
    package var sendHighWater = 256 << 10
    /// Outgoing bytes of one request below which it is writable again.
    package var sendLowWater = 64 << 10
    /// Outgoing bytes of one request above which a sender that ignores the high-water mark fails.
    package var maxSendBuffer = 128 << 20
    /// Pings, settings, priorities, resets and empty frames that a server may send within ten seconds.
    package var maxControlFrames = 10_000

    /// TCP connection.
    package var connectTimeout = Duration.seconds(5)
    /// TLS handshake.
    package var handshakeTimeout = Duration.seconds(10)
    /// Without a byte of an HTTP/1.1 response that is awaited, once its head has begun.
    package var readTimeout = Duration.seconds(60)
    /// Without progress while outgoing bytes wait.
    package var writeTimeout = Duration.seconds(60)
    /// A connection without requests is closed.
    package var idleTimeout = Duration.seconds(90)
    /// An HTTP/2 connection with open streams on which nothing came for this long is pinged. Servers of gRPC take
    /// pings more often than every five minutes for abuse (gRPC: A8, A9).
    package var keepAliveTime = Duration.seconds(300)
    /// An unanswered ping closes the connection.
    package var keepAliveTimeout = Duration.seconds(20)

    package init() {}

    /// How often timeouts are checked: a quarter of the shortest, at most a second.
    var tickPeriod: Duration {
        let shortest = [readTimeout, writeTimeout, idleTimeout, keepAliveTime, keepAliveTimeout].min() ?? .seconds(1)
        return max(.milliseconds(5), min(.seconds(1), shortest / 4))
    }
}
