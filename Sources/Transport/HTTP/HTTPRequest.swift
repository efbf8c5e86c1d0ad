package import NIOCore

/// One HTTP/1.1 or HTTP/2 request that is not gRPC. Confined to `eventLoop`: every member is used there.
///
/// It is answered exactly once: by `respond`, or by `respondHead`, any number of `write` and `end`. What comes after
/// the answer, or after the peer has gone, is ignored.
package final class HTTPRequest {
    /// The version of the protocol that the request came in.
    package enum Version: Sendable { case http1_0, http1_1, http2 }

    /// The event loop of the connection.
    package let eventLoop: any EventLoop
    /// The index of the event loop, as given to the application factory.
    package let loopIndex: Int
    package let version: Version
    /// The method as received, e.g. `GET`.
    package internal(set) var method: String
    /// Path and query as received, percent-encoded, e.g. `/v1.0/state/store?metadata.ttl=1`.
    package internal(set) var target: String
    /// Header fields, names in lower case. `host` is there for HTTP/2, too (from `:authority`).
    package internal(set) var headers: HeaderFields
    /// The whole body in buffered mode; empty in streamed mode.
    package internal(set) var body = ByteBuffer()
    /// Runs once if the request ends before its answer is complete. Let go when it ends.
    package var onCancel: ((GRPCCancelReason) -> Void)?
    /// Runs when a `write` has returned false and the outgoing buffer has drained. Let go when the request ends.
    package var onWritable: (() -> Void)?

    init(
        eventLoop: any EventLoop, loopIndex: Int, version: Version, method: String, target: String, headers: HeaderFields
    ) {
        self.eventLoop = eventLoop
        self.loopIndex = loopIndex
        self.version = version
        self.method = method
        self.target = target
        self.headers = headers
    }

    /// Who asks. Nil after the connection is gone.
    package var peer: SocketAddress? { nil }

    /// Whether it came over TLS.
    package var isSecure: Bool { false }

    /// Whether an answer is complete or nobody waits for it any more.
    package var isEnded: Bool { true }

    /// Sends the whole answer. `content-length` is added; names should be in lower case; bytes in values that
    /// HTTP does not allow are sent as spaces. No body is sent to HEAD, nor with 204 and 304.
    package func respond(status: Int, headers: [(String, String)] = [], body: ByteBuffer? = nil) {}

    /// Starts a streamed answer. Without a `content-length` among `headers` HTTP/1.1 sends it chunked.
    package func respondHead(status: Int, headers: [(String, String)] = []) {}

    /// Sends part of a streamed answer. False means that the outgoing buffer is above its high-water mark: wait for
    /// `onWritable`.
    @discardableResult
    package func write(_ bytes: ByteBuffer) -> Bool { false }

    /// Ends a streamed answer.
    package func end() {}

    /// Breaks off: HTTP/2 resets the stream, HTTP/1.1 closes the connection, so that the client can't take a cut
    /// answer for a complete one.
    package func abort() {}

    /// Lets the next part of a streamed body come.
    package func requestMore() {}
}
