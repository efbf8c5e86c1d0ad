import COpenSSL

/// What a WebSocket's two ends prove to each other (RFC 6455 §4), for the ways on which HTTP/2 carries no proof (RFC 8441 §5).
enum WebSocketHandshake {
    /// A key that nobody has used.
    static func newKey() -> String {
        var random = SystemRandomNumberGenerator()
        return Base64.encode((0..<16).map { _ in UInt8.random(in: 0...255, using: &random) }, padded: true)
    }

    /// The only right answer to a key.
    static func accept(_ key: String) -> String {
        let text = Array((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").utf8)
        var digest = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
        var length: UInt32 = 0
        // With these arguments it fails for want of memory alone; then the peer finds that the answer is wrong.
        guard EVP_Digest(text, text.count, &digest, &length, EVP_sha1(), nil) == 1 else { return "" }
        return Base64.encode(digest[..<Int(length)], padded: true)
    }

    static func isKey(_ name: UnsafeRawBufferPointer) -> Bool { name.equals("sec-websocket-key") }
    static func isAccept(_ name: UnsafeRawBufferPointer) -> Bool { name.equals("sec-websocket-accept") }
    /// The status of an answer that HTTP/2 would take for the beginning of a WebSocket. Between runtimes alone.
    static func isStatus(_ name: UnsafeRawBufferPointer) -> Bool { name.equals("octavo-status") }
}

extension HeaderFields {
    /// Those whose name `isLeftOut` does not name.
    func without(_ isLeftOut: (UnsafeRawBufferPointer) -> Bool) -> HeaderFields {
        var kept = HeaderFields()
        kept.reserveCapacity(count, bytes: byteCount)
        forEach { if !isLeftOut($0) { kept.append($0, $1) } }
        return kept
    }
}
