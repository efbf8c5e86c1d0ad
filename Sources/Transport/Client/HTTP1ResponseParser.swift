import NIOCore

#if canImport(Glibc)
    import Glibc
#endif

/// Takes HTTP/1.1 responses apart as their bytes come (RFC 9112). A value; holds no more than a head.
///
/// Strict: what could be read in two ways is refused, so that nobody can make us take part of one response for another.
struct HTTP1ResponseParser {
    enum Event {
        /// 100 to 199 but 101; the response is yet to come.
        case informational(Int)
        /// The head; the fields are in `fields`. With 101 all that follows is of the WebSocket, up to the end of the connection.
        case head(status: Int)
        case body(ByteBuffer)
        /// The response is complete; see `trailers`.
        case end
        case failed(Fault)
    }

    struct Fault: Error, Equatable {
        let text: String
        var isTooLarge = false
    }

    private enum State: Equatable {
        case idle, statusLine, fields, body(left: Int), untilClose
        case chunkSize, chunk(left: Int), chunkEnd, trailers, end, failed
    }

    private var state = State.idle
    /// The beginning of a line whose end has not come.
    private var line: [UInt8] = []
    private var isHEAD = false
    private var offersWebSocket = false
    private var status = 0
    private var minorVersion = 1
    private var headBytes = 0
    private var informationals = 0
    private var contentLength: Int?
    private var isChunked = false
    private var saysClose = false
    private var saysKeepAlive = false
    private let maxHeaderBytes: Int
    private let maxHeaderCount: Int

    /// Of the head, from `head` on until the body is complete.
    private(set) var fields = HeaderFields()
    /// What came behind the body, at `end`.
    var trailers: HeaderFields { isChunked ? fields : HeaderFields() }

    init(maxHeaderBytes: Int, maxHeaderCount: Int) {
        self.maxHeaderBytes = maxHeaderBytes
        self.maxHeaderCount = maxHeaderCount
    }

    /// A response is awaited now. HEAD is answered without a body.
    mutating func begin(isHEAD: Bool, offersWebSocket: Bool = false) {
        self.offersWebSocket = offersWebSocket
        self.isHEAD = isHEAD
        // Its memory is used again.
        line.removeAll(keepingCapacity: line.capacity <= 4096)
        fields.clear()
        (status, minorVersion, headBytes, informationals) = (0, 1, 0, 0)
        (contentLength, isChunked, saysClose, saysKeepAlive, wasUntilClose) = (nil, false, false, false, false)
        state = .statusLine
    }

    /// Whether a byte of the response has come.
    var hasBegun: Bool { state != .idle && (state != .statusLine || headBytes > 0) }

    /// Whether the connection stays for another request (RFC 9112 §9.3).
    var isKeepAlive: Bool {
        guard state == .idle, !saysClose, !wasUntilClose else { return false }
        return minorVersion == 1 || saysKeepAlive
    }
    private var wasUntilClose = false

    /// The next thing in `input`, whose bytes it takes; nil when it needs more.
    mutating func next(_ input: inout ByteBuffer) -> Event? {
        do throws(Fault) {
            return try step(&input)
        } catch {
            state = .failed
            return .failed(error)
        }
    }

    /// The connection has ended: `end` if that is how the response ends.
    mutating func close() -> Event? {
        switch state {
        case .untilClose, .end:
            state = .idle
            return .end
        case .idle, .failed: return nil
        default: return .failed(Fault(text: "the connection ended inside of the response"))
        }
    }

    private mutating func step(_ input: inout ByteBuffer) throws(Fault) -> Event? {
        while true {
            switch state {
            case .idle, .failed: return nil
            case .end:
                state = .idle
                return .end
            case .untilClose:
                guard input.readableBytes > 0 else { return nil }
                let all = input
                input.moveReaderIndex(forwardBy: input.readableBytes)
                return .body(all)
            case .body(let left):
                guard left > 0 else {
                    state = .end
                    continue
                }
                guard let part = take(left, &input) else { return nil }
                state = .body(left: left - part.readableBytes)
                return .body(part)
            case .chunk(let left):
                guard left > 0 else {
                    state = .chunkEnd
                    continue
                }
                guard let part = take(left, &input) else { return nil }
                state = .chunk(left: left - part.readableBytes)
                return .body(part)
            case .statusLine, .fields, .chunkSize, .chunkEnd, .trailers:
                let (event, isWhole) = try takeLine(&input)
                if let event { return event }
                if !isWhole { return nil }
            }
        }
    }

    private func take(_ limit: Int, _ input: inout ByteBuffer) -> ByteBuffer? {
        let count = min(limit, input.readableBytes)
        return count > 0 ? input.readSlice(length: count) : nil
    }

    // MARK: Lines

    /// Reads the next line where it lies; one whose end has not come is kept. Whether there was a whole one.
    private mutating func takeLine(_ input: inout ByteBuffer) throws(Fault) -> (Event?, isWhole: Bool) {
        // The copy shares the memory and keeps it in place.
        let view = input
        let (event, taken) = try view.withUnsafeReadableBytes { bytes in
            Result { () throws(Fault) in try takeLine(bytes) }
        }.get()
        input.moveReaderIndex(forwardBy: taken ?? view.readableBytes)
        return (event, taken != nil)
    }

    private mutating func takeLine(_ bytes: UnsafeRawBufferPointer) throws(Fault) -> (Event?, taken: Int?) {
        guard let base = bytes.baseAddress, bytes.count > 0 else { return (nil, nil) }
        let end = memchr(base, 0x0a, bytes.count).map { UnsafeRawPointer($0) - base }
        headBytes += end.map { $0 + 1 } ?? bytes.count
        guard headBytes <= maxHeaderBytes else {
            throw Fault(text: "its head exceeds \(maxHeaderBytes) bytes", isTooLarge: true)
        }
        guard let end else {
            line.append(contentsOf: bytes)
            return (nil, nil)
        }
        let last = UnsafeRawBufferPointer(rebasing: bytes[..<end])
        guard !line.isEmpty else { return (try endLine(last), end + 1) }
        line.append(contentsOf: last)
        var whole: [UInt8] = []
        swap(&whole, &line)
        let event = try whole.withUnsafeBytes { whole in Result { () throws(Fault) in try endLine(whole) } }.get()
        return (event, end + 1)
    }

    /// `text`: a line without its LF.
    private mutating func endLine(_ text: UnsafeRawBufferPointer) throws(Fault) -> Event? {
        guard text.last == 0x0d else { throw Fault(text: "a line of its head does not end with CR LF") }
        let line = UnsafeRawBufferPointer(rebasing: text.dropLast())
        switch state {
        case .statusLine: try readStatus(line)
        case .fields:
            if line.isEmpty { return try endHead() }
            try readField(line)
        case .chunkSize: try readChunkSize(line)
        case .chunkEnd:
            guard line.isEmpty else { throw Fault(text: "a chunk is longer than it says") }
            state = .chunkSize
        case .trailers:
            if line.isEmpty { state = .end } else { try readField(line) }
        default: break
        }
        return nil
    }

    /// RFC 9112 §4.
    private mutating func readStatus(_ line: UnsafeRawBufferPointer) throws(Fault) {
        guard line.count >= 12, line.hasPrefix("HTTP/1."), line[7] == 0x30 || line[7] == 0x31, line[8] == 0x20 else {
            throw Fault(text: "it does not begin with an HTTP/1.1 status line")
        }
        let digits = line[9..<12]
        guard digits.allSatisfy({ $0 &- 0x30 < 10 }), line.count == 12 || line[12] == 0x20 else {
            throw Fault(text: "its status is not a number of three digits")
        }
        guard line[12...].allSatisfy({ $0 >= 0x20 && $0 != 0x7f || $0 == 9 }) else {
            throw Fault(text: "its status line has a control character")
        }
        minorVersion = Int(line[7] - 0x30)
        status = digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
        guard status >= 100 else { throw Fault(text: "its status is \(status)") }
        fields.clear()
        contentLength = nil
        isChunked = false
        saysClose = false
        saysKeepAlive = false
        state = .fields
    }

    /// RFC 9112 §5.
    private mutating func readField(_ line: UnsafeRawBufferPointer) throws(Fault) {
        guard let colon = line.firstIndex(of: 0x3a), colon > 0, line[..<colon].allSatisfy(isTokenByte) else {
            throw Fault(text: "a line of its head is no field")
        }
        var (start, end) = (colon + 1, line.count)
        while start < end, line[start] == 0x20 || line[start] == 9 { start += 1 }
        while end > start, line[end - 1] == 0x20 || line[end - 1] == 9 { end -= 1 }
        let value = UnsafeRawBufferPointer(rebasing: line[start..<end])
        guard value.allSatisfy({ $0 >= 0x20 && $0 != 0x7f || $0 == 9 }) else {
            throw Fault(text: "the value of a field has a control character")
        }
        guard fields.count < maxHeaderCount else {
            throw Fault(text: "its head has more than \(maxHeaderCount) fields", isTooLarge: true)
        }
        let name = UnsafeRawBufferPointer(rebasing: line[..<colon])
        // Behind the body nothing may say where that ends (RFC 9110 §6.5.1).
        if state == .fields { try readFraming(name, value) }
        fields.append(lowercasing: name, value)
    }

    /// RFC 9112 §6.
    private mutating func readFraming(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) throws(Fault) {
        if name.lowercasedEquals("content-length") {
            guard contentLength == nil else { throw Fault(text: "it has more than one content-length") }
            guard !value.isEmpty, value.count <= 18, value.allSatisfy({ $0 &- 0x30 < 10 }) else {
                throw Fault(text: "its content-length is no number")
            }
            contentLength = value.reduce(0) { $0 * 10 + Int($1 - 0x30) }
        } else if name.lowercasedEquals("transfer-encoding") {
            guard !isChunked, value.count == 7, value.lowercasedEquals("chunked") else {
                throw Fault(text: "it has a transfer-encoding other than 'chunked' alone")
            }
            isChunked = true
        } else if name.lowercasedEquals("connection") {
            if value.contains(lowercasing: "close") { saysClose = true }
            if value.contains(lowercasing: "keep-alive") { saysKeepAlive = true }
        }
    }

    private mutating func endHead() throws(Fault) -> Event {
        if isChunked, contentLength != nil { throw Fault(text: "it has both content-length and transfer-encoding") }
        if isChunked, minorVersion == 0 { throw Fault(text: "it is HTTP/1.0 with a transfer-encoding") }
        guard status >= 200 else {
            if status == 101 { return try endUpgrade() }
            informationals += 1
            guard informationals <= 16 else { throw Fault(text: "it has too many informational responses") }
            state = .statusLine
            return .informational(status)
        }
        if isHEAD || status == 204 || status == 304 {
            state = .end
        } else if isChunked {
            state = .chunkSize
        } else if let contentLength {
            state = .body(left: contentLength)
        } else {
            state = .untilClose
            wasUntilClose = true
        }
        headBytes = 0
        return .head(status: status)
    }

    private mutating func endUpgrade() throws(Fault) -> Event {
        let names = fields.withValue("upgrade") { $0.contains(lowercasing: "websocket") } ?? false
        guard offersWebSocket, names, minorVersion == 1, !isChunked, contentLength ?? 0 == 0 else {
            throw Fault(text: "it changes to a protocol that nobody asked for")
        }
        state = .untilClose
        wasUntilClose = true
        headBytes = 0
        return .head(status: status)
    }

    /// RFC 9112 §7.1. Extensions are passed over; they count as bytes of a head, so that they can't go on for ever.
    private mutating func readChunkSize(_ line: UnsafeRawBufferPointer) throws(Fault) {
        var size = 0
        var digits = 0
        loop: for byte in line {
            let digit: UInt8
            switch byte {
            case 0x30...0x39: digit = byte - 0x30
            case 0x41...0x46: digit = byte - 0x37
            case 0x61...0x66: digit = byte - 0x57
            case 0x3b, 0x20, 0x09: break loop
            default: throw Fault(text: "the size of a chunk is no number")
            }
            digits += 1
            guard digits <= 15 else { throw Fault(text: "the size of a chunk is too large") }
            size = size << 4 | Int(digit)
        }
        let rest = line[digits...].drop { $0 == 0x20 || $0 == 9 }
        guard digits > 0, rest.isEmpty || rest.first == 0x3b, rest.allSatisfy({ $0 >= 0x20 && $0 != 0x7f || $0 == 9 }) else {
            throw Fault(text: "the size of a chunk is no number")
        }
        // What a plain size needs does not count.
        headBytes -= min(headBytes, digits + 2)
        if size > 0 {
            state = .chunk(left: size)
        } else {
            state = .trailers
            fields.clear()
        }
    }
}
