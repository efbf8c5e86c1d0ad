import CNGHTTP2
import NIOCore

/// Answers to requests that are not gRPC.
extension HTTP2Stream: HTTPResponder {
    var peer: SocketAddress? { connection?.peer }
    var isSecure: Bool { connection?.isSecure ?? false }
    var peerURIs: [String] { connection?.peerURIs ?? [] }

    func respond(_ request: HTTPRequest, _ status: Int, _ headers: [(String, String)], _ body: ByteBuffer?) {
        let length = body?.readableBytes ?? 0
        let mayHaveBody = status != 204 && status != 304 && status >= 200
        var fields = head(status, HeaderFields(headers), skipsLength: true, of: request)
        if mayHaveBody { fields.append(known: "content-length", String(length)) }
        guard mayHaveBody, length > 0, request.method != "HEAD", let body else {
            submitHead(fields, hasBody: false)
            return
        }
        outgoing.writeImmutableBuffer(body)
        ending = .endStream
        submitHead(fields, hasBody: true)
    }

    func startResponse(_ request: HTTPRequest, _ status: Int, _ headers: HeaderFields) {
        submitHead(head(status, headers, skipsLength: false, of: request), hasBody: true)
    }

    func startWebSocket(_ request: HTTPRequest, _ headers: HeaderFields) {
        submitHead(head(200, headers.without { WebSocketHandshake.isAccept($0) }, skipsLength: true, of: request), hasBody: true)
    }

    func writeBody(_ request: HTTPRequest, _ bytes: ByteBuffer) -> Bool {
        guard let connection else { return false }
        if request.method != "HEAD" { outgoing.writeImmutableBuffer(bytes) }
        let limits = connection.loop.limits
        guard outgoing.readableBytes <= limits.maxSendBuffer else {
            connection.loop.count(.slowReader)
            request.cancel(.rejected)
            reset(withCode: NGHTTP2_CANCEL)
            return false
        }
        resume()
        guard outgoing.readableBytes > limits.sendHighWater else { return true }
        isAboveHighWater = true
        return false
    }

    func endResponse(_ request: HTTPRequest) {
        ending = .endStream
        resume()
    }

    func abort(_ request: HTTPRequest) { reset(withCode: NGHTTP2_INTERNAL_ERROR) }

    func sendContinue(_ request: HTTPRequest) {
        guard let connection, let session = connection.session else { return }
        var fields = HeaderBatch()
        fields.append(known: ":status", "100")
        fields.withFields {
            _ = nghttp2_submit_headers(
                session, UInt8(NGHTTP2_FLAG_NONE.rawValue), id, nil, $0.baseAddress, $0.count, nil)
        }
        connection.markDirty()
    }

    func consumed(_ request: HTTPRequest, _ count: Int) { consume(count) }

    func scheduleTurn(_ request: HTTPRequest) { connection?.needsTurn(self) }

    private func head(_ status: Int, _ headers: HeaderFields, skipsLength: Bool, of request: HTTPRequest) -> HeaderBatch {
        var (fields, status, headers) = (HeaderBatch(), status, headers)
        var refused: Int?
        if request.offersWebSocket {
            headers = headers.without { WebSocketHandshake.isStatus($0) }
            // Any success would be that of the upgrade (RFC 8441 §5).
            if 200..<300 ~= status {
                refused = status
                status = 501
            }
        }
        fields.append(known: ":status", String(max(200, min(999, status))))
        if let date = connection?.loop.date { fields.append(known: "date", date) }
        if let refused { fields.append("octavo-status", String(refused)) }
        headers.forEach { name, value in
            if Self.isOfHTTP1(name) || (skipsLength && name.equals("content-length")) { return }
            fields.append(name, value)
        }
        return fields
    }

    /// Fields about an HTTP/1.1 connection, which HTTP/2 forbids (RFC 9113 §8.2.2).
    private static func isOfHTTP1(_ name: UnsafeRawBufferPointer) -> Bool {
        switch name.count {
        case 4: name.equals("date")
        case 7: name.equals("upgrade")
        case 10: name.equals("connection") || name.equals("keep-alive")
        case 16: name.equals("proxy-connection")
        case 17: name.equals("transfer-encoding")
        default: false
        }
    }
}
