import NIOCore

/// The way of an answer back to the peer: one HTTP/2 stream, or an HTTP/1.1 connection during one request.
protocol HTTPResponder: AnyObject {
    var peer: SocketAddress? { get }
    var isSecure: Bool { get }
    /// Whom the peer's verified certificate is for.
    var peerURIs: [String] { get }
    /// Sends a whole answer.
    func respond(_ request: HTTPRequest, _ status: Int, _ headers: [(String, String)], _ body: ByteBuffer?)
    /// Starts an answer whose body comes in parts.
    func startResponse(_ request: HTTPRequest, _ status: Int, _ headers: HeaderFields)
    /// Answers that the request goes on as a WebSocket.
    func startWebSocket(_ request: HTTPRequest, _ headers: HeaderFields)
    /// Sends a part; false above the high-water mark.
    func writeBody(_ request: HTTPRequest, _ bytes: ByteBuffer) -> Bool
    func endResponse(_ request: HTTPRequest)
    func abort(_ request: HTTPRequest)
    /// `100 Continue`: the body is wanted.
    func sendContinue(_ request: HTTPRequest)
    /// That many bytes of the body are done with.
    func consumed(_ request: HTTPRequest, _ count: Int)
    /// `HTTPRequest.turn()` has something to do at the end of the turn.
    func scheduleTurn(_ request: HTTPRequest)
}
