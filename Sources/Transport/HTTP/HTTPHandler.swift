package import NIOCore

/// Answers requests that are not gRPC, of HTTP/1.1 and HTTP/2 alike. Confined to one event loop.
package protocol HTTPHandler: AnyObject {
    /// The head of a request is in; says how its body is wanted. The default buffers it. May answer at once, with
    /// `.buffered` as the result: then `handle` is not called and the body is thrown away.
    func open(_ request: HTTPRequest) -> HTTPBodyMode
    /// The request with its whole body. Not called for streamed requests. May answer later on the same loop.
    func handle(_ request: HTTPRequest)
    /// The transport refuses the request (too large, too slow, malformed, no resources left) and wants it answered in
    /// the form that clients of this API expect. Must call `respond` with `status` before it returns; the default
    /// answers in plain text. The method and path are empty when the request could not be parsed.
    func reject(_ request: HTTPRequest, status: Int, message: String)
    /// Called once for each request when its answer is complete or nobody waits for it any more: the status (0 when
    /// there was none) and the time since the request's head. Nothing is measured when this is nil, the default.
    var observe: ((_ request: HTTPRequest, _ status: Int, _ nanoseconds: UInt64) -> Void)? { get }
}

extension HTTPHandler {
    package var observe: ((_ request: HTTPRequest, _ status: Int, _ nanoseconds: UInt64) -> Void)? { nil }

    package func open(_ request: HTTPRequest) -> HTTPBodyMode { .buffered }

    package func reject(_ request: HTTPRequest, status: Int, message: String) {
        request.respond(
            status: status, headers: [("content-type", "text/plain; charset=utf-8")],
            body: ByteBuffer(string: message + "\n"))
    }
}

/// How a handler wants the body of a request.
package enum HTTPBodyMode {
    /// Whole, up to `Server.Limits.maxBodySize`; `HTTPHandler.handle` is called when it is complete.
    case buffered
    /// Piece by piece, without a limit on the total; flow control follows `HTTPRequest.requestMore`.
    case streamed(any HTTPBodyReceiver)
}

/// Receives the body of a streamed request. On the event loop of the request; held until the request has ended.
package protocol HTTPBodyReceiver: AnyObject {
    /// Part of the body. After each part nothing more is read until `HTTPRequest.requestMore()`.
    func receive(_ bytes: ByteBuffer)
    /// The body is complete.
    func end()
}
