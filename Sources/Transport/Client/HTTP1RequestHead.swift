import NIOCore

/// Writes the head of an HTTP/1.1 request into one buffer. A value.
///
/// Nothing in a method, target, name or value can end a line: see `HeaderBatch`; bytes that a request line can't have
/// are percent-encoded.
struct HTTP1RequestHead {
    var bytes: ByteBuffer

    init(method: String, target: String, host: String) {
        bytes = ByteBufferAllocator().buffer(capacity: 512)
        bytes.writeString(method.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f } && !method.isEmpty ? method : "GET")
        bytes.writeStaticString(" ")
        bytes.writeString(Self.safe(target))
        bytes.writeStaticString(" HTTP/1.1\r\nhost: ")
        bytes.writeString(host)
        bytes.writeStaticString("\r\n")
    }

    /// `target` with a slash in front, and without bytes that RFC 9112 §3.2 forbids.
    static func safe(_ target: String) -> String {
        if target.utf8.first == UInt8(ascii: "/"), target.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) { return target }
        var result = target.utf8.first == UInt8(ascii: "/") || target == "*" ? "" : "/"
        for byte in target.utf8 {
            if byte > 0x20, byte < 0x7f {
                result.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                let digits = String(byte, radix: 16, uppercase: true)
                result += digits.utf8.count == 1 ? "%0" + digits : "%" + digits
            }
        }
        return result
    }

    /// Appends the fields of an exchange.
    mutating func append(_ exchange: ClientExchange) {
        var batch = HeaderBatch()
        exchange.appendFields(to: &batch)
        batch.forEachPart { bytes.writeLines($0) }
    }

    mutating func append(_ name: StaticString, _ value: StaticString) {
        bytes.writeStaticString(name)
        bytes.writeStaticString(": ")
        bytes.writeStaticString(value)
        bytes.writeStaticString("\r\n")
    }

    mutating func append(_ name: StaticString, _ value: String) {
        bytes.writeStaticString(name)
        bytes.writeStaticString(": ")
        bytes.writeString(value)
        bytes.writeStaticString("\r\n")
    }

    mutating func append(_ name: StaticString, _ value: Int) {
        bytes.writeStaticString(name)
        bytes.writeStaticString(": ")
        bytes.writeString(String(value))
        bytes.writeStaticString("\r\n")
    }

    mutating func end() { bytes.writeStaticString("\r\n") }
}
