import NIOCore
import NIOHTTP1

/// Writes the head of an HTTP/1.1 answer into one buffer. A value.
///
/// Names and values are made safe as in `HeaderBatch`: nothing in them can end a line. Fields that the connection
/// itself decides on are left out.
struct HTTP1ResponseHead {
    var bytes: ByteBuffer

    init(status: Int, capacity: Int) {
        bytes = ByteBufferAllocator().buffer(capacity: capacity)
        let status = max(200, min(999, status))
        bytes.writeStaticString("HTTP/1.1 ")
        bytes.writeString(String(status))
        bytes.writeStaticString(" ")
        bytes.writeString(HTTPResponseStatus(statusCode: status).reasonPhrase)
        bytes.writeStaticString("\r\n")
    }

    /// Appends the fields of a handler; true when `content-length` was among them.
    @discardableResult
    mutating func append(_ headers: [(String, String)], skipsLength: Bool) -> Bool {
        var batch = HeaderBatch()
        for (name, value) in headers { batch.append(name, value) }
        var hasLength = false
        batch.forEach { name, value in
            switch String(decoding: name, as: UTF8.self) {
            case "connection", "transfer-encoding", "keep-alive", "upgrade", "date": return
            case "content-length":
                if skipsLength { return }
                hasLength = true
            default: break
            }
            bytes.writeBytes(name)
            bytes.writeStaticString(": ")
            bytes.writeBytes(value)
            bytes.writeStaticString("\r\n")
        }
        return hasLength
    }

    /// Appends a field of our own.
    mutating func append(_ name: StaticString, _ value: String) {
        bytes.writeStaticString(name)
        bytes.writeStaticString(": ")
        bytes.writeString(value)
        bytes.writeStaticString("\r\n")
    }

    mutating func end() { bytes.writeStaticString("\r\n") }
}
