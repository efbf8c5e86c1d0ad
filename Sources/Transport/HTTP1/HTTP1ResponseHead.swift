import NIOCore

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
        bytes.writeStaticString(Self.reason(status))
        bytes.writeStaticString("\r\n")
    }

    /// Of an answer that the connection goes on with another protocol.
    init(switchingWith headers: HeaderFields) {
        bytes = ByteBufferAllocator().buffer(capacity: 256 + headers.byteCount)
        bytes.writeStaticString("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n")
        append(headers, skipsLength: true)
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

    /// The phrase behind a status, which nobody has to read (RFC 9110 §15).
    private static func reason(_ status: Int) -> StaticString {
        switch status {
        case 200: "OK"
        case 201: "Created"
        case 202: "Accepted"
        case 204: "No Content"
        case 206: "Partial Content"
        case 301: "Moved Permanently"
        case 302: "Found"
        case 303: "See Other"
        case 304: "Not Modified"
        case 307: "Temporary Redirect"
        case 308: "Permanent Redirect"
        case 400: "Bad Request"
        case 401: "Unauthorized"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 406: "Not Acceptable"
        case 408: "Request Timeout"
        case 409: "Conflict"
        case 410: "Gone"
        case 411: "Length Required"
        case 412: "Precondition Failed"
        case 413: "Content Too Large"
        case 414: "URI Too Long"
        case 415: "Unsupported Media Type"
        case 417: "Expectation Failed"
        case 421: "Misdirected Request"
        case 422: "Unprocessable Content"
        case 425: "Too Early"
        case 426: "Upgrade Required"
        case 428: "Precondition Required"
        case 429: "Too Many Requests"
        case 431: "Request Header Fields Too Large"
        case 500: "Internal Server Error"
        case 501: "Not Implemented"
        case 502: "Bad Gateway"
        case 503: "Service Unavailable"
        case 504: "Gateway Timeout"
        default: "Status"
        }
    }
}
