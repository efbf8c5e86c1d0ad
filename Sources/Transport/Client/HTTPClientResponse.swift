package import NIOCore

/// What a server answered. A value.
package struct HTTPClientResponse {
    /// 200 to 999, informational responses are passed over; 101 of a request that goes on as a WebSocket.
    package var status: Int
    /// Names in lower case.
    package var headers = HeaderFields()
    /// The whole body of a buffered response; empty in the head that a receiver gets.
    package var body = ByteBuffer()
    /// Fields behind the body, names in lower case.
    package var trailers = HeaderFields()
}

/// Receives a streamed response. On the event loop of the client; held until the response has ended.
package protocol HTTPClientReceiver: AnyObject {
    /// The head. Called once, before the rest.
    func receive(_ response: HTTPClientResponse)
    /// Part of the body. After each part nothing more is read until `HTTPClientRequest.requestMore()`.
    func receive(_ bytes: ByteBuffer)
    /// The response is complete. Nothing is called after it.
    func end(trailers: HeaderFields)
    /// There will be no complete response. Nothing is called after it.
    func failed(_ error: ClientError)
}
