package import NIOCore

/// A request, or an answer, as an inspector sees it.
package struct HTTPMessage {
    /// Of the request, also in its answer.
    package var method: String
    package var target: String
    /// Without those that frame the body.
    package var headers: HeaderFields
    /// Of an answer.
    package var status = 0
    /// nil: it was not collected.
    package var body: ByteBuffer?
    /// The body is another one than came.
    package var hasNewBody = false

    package init(method: String, target: String, headers: HeaderFields, status: Int = 0, body: ByteBuffer? = nil) {
        self.method = method
        self.target = target
        self.headers = headers
        self.status = status
        self.body = body
    }
}

/// Looks at one request before its handler does, and at the answer before the peer gets it. On the request's event loop. Each `done` is
/// called once, maybe before the function returns, and not after `cancel`.
package protocol HTTPInspector: AnyObject {
    /// Gets ready; says whether the body of the request is to be collected.
    func prepare(_ done: @escaping (_ collectsBody: Bool) -> Void)
    func inspect(request: HTTPMessage, _ done: @escaping (HTTPVerdict) -> Void)
    /// Whether it looks at answers, and whether their bodies are to be collected for that. Asked when `inspect(request:)` has ended.
    var seesAnswers: Bool { get }
    var collectsAnswers: Bool { get }
    /// The answer as it goes to the peer.
    func inspect(answer: HTTPMessage, _ done: @escaping (HTTPMessage) -> Void)
    /// Nobody waits any more.
    func cancel()
}

package enum HTTPVerdict {
    case goOn(HTTPMessage)
    /// The request goes no further.
    case answer(HTTPMessage)
}

extension HeaderFields {
    /// The fields without those that frame the body or are of the connection, which are the transport's own.
    package var withoutFraming: HeaderFields {
        var kept = HeaderFields()
        kept.reserveCapacity(count, bytes: byteCount)
        forEach { if !Self.isFraming($0) { kept.append($0, $1) } }
        return kept
    }

    /// Whether the field of that name (lower case) is the transport's own.
    package static func isFraming(_ name: UnsafeRawBufferPointer) -> Bool {
        switch name.count {
        case 2: name.equals("te")
        case 6: name.equals("expect")
        case 7: name.equals("trailer") || name.equals("upgrade")
        case 10: name.equals("connection") || name.equals("keep-alive")
        case 14: name.equals("content-length") || name.equals("http2-settings")
        case 16: name.equals("proxy-connection")
        case 17: name.equals("transfer-encoding")
        default: false
        }
    }
}
