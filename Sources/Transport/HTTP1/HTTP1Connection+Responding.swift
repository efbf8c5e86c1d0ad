import NIOCore

/// Answers on an HTTP/1.1 connection. Each is for the current request: others have lost their responder.
extension HTTP1Connection: HTTPResponder {
    func respond(_ request: HTTPRequest, _ status: Int, _ headers: [(String, String)], _ body: ByteBuffer?) {
        let length = body?.readableBytes ?? 0
        let mayHaveBody = status != 204 && status != 304 && status >= 200
        let sendsBody = mayHaveBody && length > 0 && request.method != "HEAD"
        if !request.isBodyComplete, status == 413 || status == 503 { isKeepAlive = false }
        var writer = HTTP1ResponseHead(status: status, capacity: 256 + (sendsBody && length < 16 << 10 ? length : 0))
        writer.append(headers, skipsLength: true)
        if mayHaveBody { writer.append("content-length", String(length)) }
        finish(&writer, request)
        if sendsBody, let body {
            if length < 16 << 10 {
                writer.bytes.writeImmutableBuffer(body)
                write(writer.bytes)
            } else {
                write(writer.bytes)
                write(body)
            }
        } else {
            write(writer.bytes)
        }
        completeIfDone()
    }

    func startResponse(_ request: HTTPRequest, _ status: Int, _ headers: HeaderFields) {
        var writer = HTTP1ResponseHead(status: status, capacity: 1024)
        let hasLength = writer.append(headers, skipsLength: false)
        isChunked = false
        if !hasLength, status >= 200, status != 204, status != 304 {
            if request.version == .http1_0 {
                isKeepAlive = false
            } else {
                isChunked = request.method != "HEAD"
                writer.append("transfer-encoding", "chunked")
            }
        }
        finish(&writer, request)
        write(writer.bytes)
    }

    func startWebSocket(_ request: HTTPRequest, _ headers: HeaderFields) {
        isKeepAlive = false
        isChunked = false
        var writer = HTTP1ResponseHead(switchingWith: headers)
        if headers.withValue("sec-websocket-accept", { _ in true }) == nil, let key = request.headers["sec-websocket-key" as StaticString] {
            writer.append("sec-websocket-accept", WebSocketHandshake.accept(key))
        }
        writer.append("date", loop.date)
        writer.end()
        write(writer.bytes)
        openTunnel()
    }

    func writeBody(_ request: HTTPRequest, _ bytes: ByteBuffer) -> Bool {
        guard bytes.readableBytes > 0, request.method != "HEAD" else { return true }
        if isChunked {
            var frame = ByteBuffer()
            frame.reserveCapacity(bytes.readableBytes + 16)
            frame.writeString(String(bytes.readableBytes, radix: 16) + "\r\n")
            frame.writeImmutableBuffer(bytes)
            frame.writeStaticString("\r\n")
            write(frame)
        } else {
            write(bytes)
        }
        guard let channel = context?.channel, !channel.isWritable else { return true }
        isAboveHighWater = true
        return false
    }

    func endResponse(_ request: HTTPRequest) {
        if isChunked { write(ByteBuffer(staticString: "0\r\n\r\n")) }
        completeIfDone()
    }

    func abort(_ request: HTTPRequest) { closeNow() }

    func sendContinue(_ request: HTTPRequest) { write(ByteBuffer(staticString: "HTTP/1.1 100 Continue\r\n\r\n")) }

    func consumed(_ request: HTTPRequest, _ count: Int) {
        // The rest of a body that was answered early is read away, so that the connection can go on; not for ever.
        if request.discarded > loop.limits.maxBodySize { closeGently() }
    }

    func scheduleTurn(_ request: HTTPRequest) {
        let bound = NIOLoopBound((self, request), eventLoop: loop.eventLoop)
        loop.eventLoop.execute {
            let (connection, request) = bound.value
            request.turn()
            connection.resumeReading()
        }
    }

    private func finish(_ writer: inout HTTP1ResponseHead, _ request: HTTPRequest) {
        writer.append("date", loop.date)
        if !isKeepAlive {
            writer.append("connection", "close")
        } else if request.version == .http1_0 {
            writer.append("connection", "keep-alive")
        }
        writer.end()
    }
}
