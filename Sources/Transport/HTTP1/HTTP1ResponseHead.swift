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
        append(HeaderFields(headers), skipsLength: skipsLength)
    }

    @discardableResult
    mutating func append(_ headers: HeaderFields, skipsLength: Bool) -> Bool {
        var hasLength = false
        bytes.writeLines(headers) { name in
            switch name.count {
            case 4: return name.equals("date")
            case 7: return name.equals("upgrade")
            case 10: return name.equals("connection") || name.equals("keep-alive")
            case 14 where name.equals("content-length"):
                if !skipsLength { hasLength = true }
                return skipsLength
            case 17: return name.equals("transfer-encoding")
            default: return false
            }
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
