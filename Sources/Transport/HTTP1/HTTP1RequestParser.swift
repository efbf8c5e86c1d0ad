import NIOCore

#if canImport(Glibc)
    import Glibc
#endif

/// Takes HTTP/1.1 requests apart as their bytes come (RFC 9112). A value; holds nothing but where it is.
///
/// Strict: what could be read in two ways is refused, so that nobody can hide one request inside of another.
struct HTTP1RequestParser {
    struct Head {
        /// As received, e.g. `GET`.
        var method: String
        /// Path and query, percent-encoded as received.
        var target: String
        /// Of HTTP/1.
        var minorVersion: Int
        var isKeepAlive: Bool
        var hasBody: Bool
        /// It asks to go on as a WebSocket (RFC 6455 §4.1). Other upgrades are passed over, as a server may (RFC 9110 §7.8).
        var offersWebSocket = false
        var fields: HeaderFields
    }

    enum Event {
        case head(Head)
        case body(ByteBuffer)
        /// The request is complete.
        case end
        /// Nothing can be read any more.
        case failed(Fault)
    }

    struct Fault: Error, Equatable {
        var status = 400
        let text: String

        static func tooLarge(_ text: String) -> Fault { Fault(status: 431, text: text) }
    }

    private enum State: Equatable {
        case head, body(left: Int), chunkSize, chunk(left: Int), chunkEnd, trailers, failed
    }

    private var state = State.head
    /// Bytes of a head or a line that have been looked at and hold no end.
    private var scanned = 0
    private var trailerBytes = 0
    private let maxHeaderBytes: Int
    private let maxHeaderCount: Int

    /// What a line with the size of a chunk may have: extensions, which nobody uses.
    private static let maxChunkLine = 256

    init(maxHeaderBytes: Int, maxHeaderCount: Int) {
        self.maxHeaderBytes = maxHeaderBytes
        self.maxHeaderCount = maxHeaderCount
    }

    /// Whether it waits for a request of which no byte has been looked at.
    var isBetweenRequests: Bool { state == .head && scanned == 0 }

    /// The next thing in `input`, whose bytes it takes; nil when it needs more.
    mutating func next(_ input: inout ByteBuffer) -> Event? {
        do throws(Fault) {
            return try step(&input)
        } catch {
            state = .failed
            return .failed(error)
        }
    }

    private mutating func step(_ input: inout ByteBuffer) throws(Fault) -> Event? {
        while true {
            switch state {
            case .failed: return nil
            case .head:
                while scanned == 0, input.readableBytes >= 2, input.getInteger(at: input.readerIndex, as: UInt16.self) == 0x0d0a {
                    // Empty lines before a request are passed over (RFC 9112 §2.2).
                    input.moveReaderIndex(forwardBy: 2)
                }
                guard let length = try headLength(input) else { return nil }
                scanned = 0
                let view = input
                input.moveReaderIndex(forwardBy: length)
                return .head(try view.read(length) { (bytes) throws(Fault) in try head(bytes) })
            case .body(let left):
                guard left > 0 else {
                    state = .head
                    return .end
                }
                guard let part = Self.take(left, &input) else { return nil }
                state = .body(left: left - part.readableBytes)
                return .body(part)
            case .chunk(let left):
                guard left > 0 else {
                    state = .chunkEnd
                    continue
                }
                guard let part = Self.take(left, &input) else { return nil }
                state = .chunk(left: left - part.readableBytes)
                return .body(part)
            case .chunkSize, .chunkEnd, .trailers:
                guard let length = try lineLength(input) else { return nil }
                scanned = 0
                let view = input
                input.moveReaderIndex(forwardBy: length)
                if try view.read(length, { (bytes) throws(Fault) in try line(UnsafeRawBufferPointer(rebasing: bytes.dropLast(2))) }) {
                    return .end
                }
            }
        }
    }

    private static func take(_ limit: Int, _ input: inout ByteBuffer) -> ByteBuffer? {
        let count = min(limit, input.readableBytes)
        return count > 0 ? input.readSlice(length: count) : nil
    }

    // MARK: Ends

    /// How long the head is, with the empty line behind it; nil when it has not all come.
    private mutating func headLength(_ input: ByteBuffer) throws(Fault) -> Int? {
        let limit = maxHeaderBytes
        var position = scanned
        let length = try input.read(input.readableBytes) { (bytes) throws(Fault) -> Int? in
            if let first = bytes.first, !isTokenByte(first), first != 0x0d { throw Fault(text: "it does not begin with a method") }
            while let end = Self.lineFeed(bytes, from: position) {
                guard end > 0, bytes[end - 1] == 0x0d else { throw Fault(text: "a line of its head does not end with CR LF") }
                position = end + 1
                if end >= 3, bytes[end - 2] == 0x0a { return position }
            }
            return nil
        }
        guard (length ?? input.readableBytes) <= limit else { throw .tooLarge("its head exceeds \(limit) bytes") }
        // Whether a line feed ends the head depends on the two bytes before it.
        scanned = position
        return length
    }

    /// How long the line is, with its end.
    private mutating func lineLength(_ input: ByteBuffer) throws(Fault) -> Int? {
        let position = scanned
        let length = try input.read(input.readableBytes) { (bytes) throws(Fault) -> Int? in
            guard let end = Self.lineFeed(bytes, from: position) else { return nil }
            guard end > 0, bytes[end - 1] == 0x0d else { throw Fault(text: "a line of its body does not end with CR LF") }
            return end + 1
        }
        let limit = state == .trailers ? maxHeaderBytes : Self.maxChunkLine
        guard (length ?? input.readableBytes) <= limit else {
            throw Fault(status: state == .trailers ? 431 : 400, text: "a line of its body exceeds \(limit) bytes")
        }
        if length == nil { scanned = input.readableBytes }
        return length
    }

    private static func lineFeed(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int? {
        guard start < bytes.count, let base = bytes.baseAddress, let found = memchr(base + start, 0x0a, bytes.count - start)
        else { return nil }
        return found - UnsafeMutableRawPointer(mutating: base)
    }

    // MARK: The head

    /// RFC 9112 §3, §5, §6.
    private mutating func head(_ bytes: UnsafeRawBufferPointer) throws(Fault) -> Head {
        var head = try Self.requestLine(bytes)
        var position = head.length
        var framing = Framing()
        head.value.fields.reserveCapacity(12, bytes: bytes.count)
        while bytes[position] != 0x0d || bytes[position + 1] != 0x0a {
            let end = Self.lineFeed(bytes, from: position).unsafelyUnwrapped
            let line = UnsafeRawBufferPointer(rebasing: bytes[position..<end - 1])
            guard head.value.fields.count < maxHeaderCount else { throw .tooLarge("it has more than \(maxHeaderCount) fields") }
            let (name, value) = try Self.field(line)
            head.value.fields.append(lowercasing: name, value)
            try framing.take(name, value)
            position = end + 1
        }
        let isChunked = try framing.check(minorVersion: head.value.minorVersion)
        if head.value.method == "CONNECT" { throw Fault(status: 405, text: "this server is not a proxy") }
        head.value.isKeepAlive = head.value.minorVersion == 1 ? !framing.saysClose : framing.saysKeepAlive && !framing.saysClose
        head.value.hasBody = isChunked || (framing.contentLength ?? 0) > 0
        head.value.offersWebSocket =
            framing.saysUpgrade && framing.namesWebSocket && head.value.method == "GET" && head.value.minorVersion == 1 && !head.value.hasBody
        state = isChunked ? .chunkSize : .body(left: framing.contentLength ?? 0)
        return head.value
    }

    /// The first line, and how long it is.
    private static func requestLine(_ bytes: UnsafeRawBufferPointer) throws(Fault) -> (value: Head, length: Int) {
        let end = lineFeed(bytes, from: 0).unsafelyUnwrapped
        let line = UnsafeRawBufferPointer(rebasing: bytes[..<(end - 1)])
        guard let methodEnd = line.firstIndex(of: 0x20), methodEnd > 0, methodEnd <= 32, line[..<methodEnd].allSatisfy(isTokenByte) else {
            throw Fault(text: "its method is none")
        }
        let versionStart = line.count - 9
        guard versionStart > methodEnd + 1, UnsafeRawBufferPointer(rebasing: line[versionStart...]).hasPrefix(" HTTP/1."),
            line[line.count - 1] == 0x30 || line[line.count - 1] == 0x31
        else { throw Fault(text: "its first line does not end with HTTP/1.0 or HTTP/1.1") }
        let target = UnsafeRawBufferPointer(rebasing: line[(methodEnd + 1)..<versionStart])
        guard target.allSatisfy({ $0 > 0x20 && $0 != 0x7f }) else { throw Fault(text: "its target has a space or a control character") }
        guard let text = String(validating: target, as: UTF8.self) else { throw Fault(text: "its target is not valid UTF-8") }
        let method = String(decoding: line[..<methodEnd], as: UTF8.self)
        guard let path = Self.path(text, method) else { throw Fault(text: "its target is neither a path nor an address of http") }
        let head = Head(
            method: method, target: path,
            minorVersion: Int(line[line.count - 1] - 0x30), isKeepAlive: true, hasBody: false, fields: HeaderFields())
        return (head, end + 1)
    }

    /// The path that a target asks for, with its query, whichever form it has (RFC 9112 §3.2); nil: it has none of them.
    private static func path(_ target: String, _ method: String) -> String? {
        if target.utf8.first == UInt8(ascii: "/") || target == "*" && method == "OPTIONS" || method == "CONNECT" { return target }
        let lower = target.prefix(8).lowercased()
        guard let length = lower.hasPrefix("http://") ? 7 : lower.hasPrefix("https://") ? 8 : nil else { return nil }
        let rest = target.utf8.dropFirst(length)
        let host = rest.prefix { $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#") }
        guard !host.isEmpty else { return nil }
        let path = String(Substring(rest[host.endIndex...]))
        return path.utf8.first == UInt8(ascii: "/") ? path : "/" + path
    }

    /// Name and value of a line.
    private static func field(
        _ line: UnsafeRawBufferPointer
    ) throws(Fault) -> (name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) {
        // A space before the colon, or at the start, is where servers differ (RFC 9112 §5.1, §5.2).
        guard let colon = line.firstIndex(of: 0x3a), colon > 0, line[..<colon].allSatisfy(isTokenByte) else {
            throw Fault(text: "a line of its head is no field")
        }
        var start = colon + 1, end = line.count
        while start < end, line[start] == 0x20 || line[start] == 9 { start += 1 }
        while end > start, line[end - 1] == 0x20 || line[end - 1] == 9 { end -= 1 }
        let value = UnsafeRawBufferPointer(rebasing: line[start..<end])
        guard value.allSatisfy({ ($0 >= 0x20 && $0 != 0x7f) || $0 == 9 }) else {
            throw Fault(text: "the value of a field has a control character")
        }
        return (UnsafeRawBufferPointer(rebasing: line[..<colon]), value)
    }

    /// What the fields say of where the request ends and whom it is for (RFC 9112 §3.2, §6).
    private struct Framing {
        var contentLength: Int?
        var saysClose = false
        var saysKeepAlive = false
        var saysUpgrade = false
        var namesWebSocket = false
        private var isChunked = false
        private var hosts = 0

        mutating func take(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) throws(Fault) {
            switch name.count {
            case 4 where name.lowercasedEquals("host"): hosts += 1
            case 7 where name.lowercasedEquals("upgrade"): namesWebSocket = namesWebSocket || value.contains(lowercasing: "websocket")
            case 10 where name.lowercasedEquals("connection"):
                // What nearly every client says, if anything.
                if value.lowercasedEquals("keep-alive") {
                    saysKeepAlive = true
                    return
                }
                if value.contains(lowercasing: "close") { saysClose = true }
                if value.contains(lowercasing: "keep-alive") { saysKeepAlive = true }
                if value.contains(lowercasing: "upgrade") { saysUpgrade = true }
            case 14 where name.lowercasedEquals("content-length"):
                guard contentLength == nil else { throw Fault(text: "it has more than one content-length") }
                guard !value.isEmpty, value.count <= 18, value.allSatisfy({ $0 &- 0x30 < 10 }) else {
                    throw Fault(text: "its content-length is no number")
                }
                contentLength = value.reduce(0) { $0 * 10 + Int($1 - 0x30) }
            case 17 where name.lowercasedEquals("transfer-encoding"):
                guard !isChunked, value.lowercasedEquals("chunked") else {
                    throw Fault(text: "it has a transfer-encoding other than 'chunked' alone")
                }
                isChunked = true
            default: break
            }
        }

        /// Whether the body comes in chunks.
        func check(minorVersion: Int) throws(Fault) -> Bool {
            if isChunked, contentLength != nil || minorVersion == 0 {
                throw Fault(text: "it has a transfer-encoding and a content-length, or is HTTP/1.0")
            }
            guard hosts == 1 || (hosts == 0 && minorVersion == 0) else { throw Fault(text: "it must have exactly one host field") }
            return isChunked
        }
    }

    // MARK: Chunks

    /// A line between chunks or behind them (RFC 9112 §7.1); true when it is the last one.
    private mutating func line(_ line: UnsafeRawBufferPointer) throws(Fault) -> Bool {
        switch state {
        case .chunkSize:
            let size = try Self.chunkSize(line)
            state = size == 0 ? .trailers : .chunk(left: size)
            trailerBytes = 0
        case .chunkEnd:
            guard line.isEmpty else { throw Fault(text: "a chunk is longer than it says") }
            state = .chunkSize
        case .trailers:
            if line.isEmpty {
                state = .head
                return true
            }
            // They are checked, and nobody gets them.
            _ = try Self.field(line)
            trailerBytes += line.count
            guard trailerBytes <= maxHeaderBytes else { throw .tooLarge("the fields behind its body exceed \(maxHeaderBytes) bytes") }
        default: break
        }
        return false
    }

    private static func chunkSize(_ line: UnsafeRawBufferPointer) throws(Fault) -> Int {
        let digits = line.prefix { hexadecimal($0) != nil }
        guard !digits.isEmpty, digits.count <= 15 else { throw Fault(text: "the size of a chunk is no number") }
        // Extensions mean nothing here.
        guard digits.count == line.count || line[digits.count] == UInt8(ascii: ";"),
            line[digits.count...].allSatisfy({ ($0 >= 0x20 && $0 != 0x7f) || $0 == 9 })
        else { throw Fault(text: "behind the size of a chunk is something else") }
        return digits.reduce(0) { $0 << 4 | Int(hexadecimal($1).unsafelyUnwrapped) }
    }

    private static func hexadecimal(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x37
        case 0x61...0x66: byte - 0x57
        default: nil
        }
    }
}

extension ByteBuffer {
    /// Runs `body` on the next `length` bytes, which stay.
    fileprivate func read<R, E: Error>(_ length: Int, _ body: (UnsafeRawBufferPointer) throws(E) -> R) throws(E) -> R {
        let result: Result<R, E> = withUnsafeReadableBytes { bytes in
            do throws(E) {
                return .success(try body(UnsafeRawBufferPointer(rebasing: bytes[..<length])))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }
}
