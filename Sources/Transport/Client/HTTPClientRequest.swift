package import NIOCore

/// One HTTP request of ours. Confined to the event loop of its client; sent once.
///
/// Its body is whole from the start, or comes in parts (`isStreamed`), which `write` and `end` send.
package final class HTTPClientRequest: ClientExchange {
    /// Called with the whole response, or why there is none. Once, never from inside `HTTPClient.send`.
    package typealias Done = (Result<HTTPClientResponse, ClientError>) -> Void

    /// Fields of the request, but for those about the connection, and `host`.
    private let fields: HeaderFields
    /// Runs when a `write` has returned false and the outgoing bytes have drained.
    package var onWritable: (() -> Void)?

    private let contentLength: Int?
    private var done: Done?
    private var receiver: (any HTTPClientReceiver)?
    private var response = HTTPClientResponse(status: 0)
    private var parked = ByteBuffer()
    private var mayDeliver = true
    private var isInputComplete = false

    /// A request whose body is whole, or which has none. `timeout` bounds everything from now until the last byte of
    /// the response.
    package init(
        method: String, target: String, headers: [(String, String)] = [], body: ByteBuffer? = nil,
        timeout: Duration? = nil
    ) {
        fields = Self.fields(headers)
        contentLength = nil
        super.init(method: method, target: target)
        if let body { outgoing = body.slice() }
        isOutputEnded = true
        self.timeout = timeout
    }

    /// A request whose body comes in parts. With a `contentLength` exactly that many bytes must be written; without
    /// one HTTP/1.1 sends it in chunks.
    package init(
        streaming method: String, target: String, headers: [(String, String)] = [], contentLength: Int? = nil,
        timeout: Duration? = nil
    ) {
        fields = Self.fields(headers)
        self.contentLength = contentLength
        super.init(method: method, target: target)
        self.timeout = timeout
    }

    /// The same with fields of another message, none of which is of a connection.
    package init(method: String, target: String, fields: HeaderFields, body: ByteBuffer?, timeout: Duration? = nil) {
        self.fields = fields
        contentLength = nil
        super.init(method: method, target: target)
        if let body { outgoing = body.slice() }
        isOutputEnded = true
        self.timeout = timeout
    }

    package init(
        streaming method: String, target: String, fields: HeaderFields, contentLength: Int?, timeout: Duration? = nil
    ) {
        self.fields = fields
        self.contentLength = contentLength
        super.init(method: method, target: target)
        self.timeout = timeout
    }

    /// A request to go on as a WebSocket. When the response has the status 101 its parts are what the server sends, `write` and `end` send in
    /// turn, and nothing may be written before that. Any other response is one as usual.
    package init(webSocket target: String, fields: HeaderFields, timeout: Duration? = nil) {
        self.fields = fields
        contentLength = nil
        super.init(method: "GET", target: target)
        isWebSocket = true
        self.timeout = timeout
    }

    override func appendFieldsWithoutKey(to batch: inout HeaderBatch) { batch.append(fields.without { WebSocketHandshake.isKey($0) }) }
    override var hasKey: Bool { fields.withValue("sec-websocket-key", { _ in true }) ?? false }

    // MARK: The body of the request

    /// Sends part of a streamed body. False means that more should wait for `onWritable`; the bytes are taken all the
    /// same.
    @discardableResult
    package func write(_ bytes: ByteBuffer) -> Bool {
        guard !isOutputEnded, !isEnded else { return false }
        outgoing.writeImmutableBuffer(bytes)
        return outputAdded()
    }

    /// Ends a streamed body.
    package func end() {
        guard !isOutputEnded, !isEnded else { return }
        isOutputEnded = true
        carrier?.outputChanged(self)
    }

    override var announcedLength: Int? { contentLength }

    override func becameWritable() { onWritable?() }

    override func appendFields(to batch: inout HeaderBatch) {
        batch.append(fields)
    }

    private static func fields(_ headers: [(String, String)]) -> HeaderFields {
        var fields = HeaderFields()
        for (name, value) in headers where !isOfConnection(name) { fields.append(name, value) }
        return fields
    }

    /// Fields that the connection decides on (RFC 9113 §8.2.2, RFC 9112 §6).
    private static func isOfConnection(_ name: String) -> Bool {
        switch name.lowercased() {
        case "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade", "host", "content-length", "te",
            "expect":
            true
        default: false
        }
    }

    // MARK: The response

    func expect(_ done: @escaping Done) { self.done = done }
    func expect(_ receiver: any HTTPClientReceiver) { self.receiver = receiver }

    /// Lets the next part of a streamed response come.
    package func requestMore() {
        guard receiver != nil, !mayDeliver, !isEnded else { return }
        mayDeliver = true
        loop?.needsTurn(self)
    }

    override var parkedBytes: Int { parked.readableBytes }

    override func receiveHead(_ status: Int, _ headers: HeaderFields, isLast: Bool) {
        response.status = status
        response.headers = headers
        if let receiver {
            receiver.receive(response)
        } else if let length = headers["content-length" as StaticString].flatMap({ Int($0) }), let loop,
            method != "HEAD"
        {
            if length > loop.limits.maxResponseSize { return refuseTooLarge(loop) }
            response.body.reserveCapacity(length)
        }
    }

    override func receiveData(_ bytes: UnsafeRawBufferPointer) {
        guard receiver == nil else { return receiveStreamed(ByteBuffer(bytes: bytes)) }
        guard mayHold(bytes.count) else { return }
        response.body.writeBytes(bytes)
        carrier?.consumed(self, bytes.count)
    }

    override func receiveData(_ bytes: ByteBuffer) {
        guard receiver == nil else { return receiveStreamed(bytes) }
        guard mayHold(bytes.readableBytes) else { return }
        if response.body.readableBytes == 0, response.body.capacity == 0 {
            response.body = bytes
        } else {
            response.body.writeImmutableBuffer(bytes)
        }
        carrier?.consumed(self, bytes.readableBytes)
    }

    override func receiveTrailers(_ headers: HeaderFields) { response.trailers = headers }

    override func receiveEnd() {
        isInputComplete = true
        if receiver != nil { return deliverParked() }
        let done = done
        self.done = nil
        finish()
        done?(.success(response))
    }

    override func deliverParked() {
        guard let receiver else { return }
        if mayDeliver, parked.readableBytes > 0 {
            mayDeliver = false
            let part = parked
            parked = ByteBuffer()
            carrier?.consumed(self, part.readableBytes)
            receiver.receive(part)
        }
        guard isInputComplete, parked.readableBytes == 0, !isEnded else { return }
        finish()
        self.receiver = nil
        receiver.end(trailers: response.trailers)
    }

    override func didFail(_ error: ClientError) {
        let (done, receiver) = (done, receiver)
        self.done = nil
        self.receiver = nil
        done?(.failure(error))
        receiver?.failed(error)
    }

    private func receiveStreamed(_ bytes: ByteBuffer) {
        parked.writeImmutableBuffer(bytes)
        deliverParked()
    }

    private func mayHold(_ count: Int) -> Bool {
        guard let loop, !isEnded else { return false }
        guard response.body.readableBytes + count <= loop.limits.maxResponseSize else {
            refuseTooLarge(loop)
            return false
        }
        return true
    }

    private func refuseTooLarge(_ loop: ClientLoop) {
        stop(
            ClientError(
                .tooLarge,
                "The response of \(pool?.name ?? "the peer") exceeds the limit of \(loop.limits.maxResponseSize) bytes.",
                mayHaveBeenSeen: true))
    }
}
