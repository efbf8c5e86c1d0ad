/// Reads one HTTP/1.1 response from bytes as they come (RFC 9112). Pure: no I/O.
///
/// It knows what the admin server sends: a length, chunks, or a body until the end of the connection. The peer is
/// not trusted: every length has a limit.
struct HTTPResponseParser {
    /// A complete response.
    struct Response: Equatable, Sendable {
        var status: Int
        /// In the order of arrival, names in lower case.
        var headers: [(name: String, value: String)]
        var body: [UInt8]

        subscript(_ name: String) -> String? { headers.first { $0.name == name }?.value }

        static func == (a: Response, b: Response) -> Bool {
            a.status == b.status && a.body == b.body && a.headers.elementsEqual(b.headers, by: ==)
        }
    }

    /// What is wrong with the response; a clause to follow "the answer is not one of a runtime:".
    struct Malformed: Error, Equatable {
        let reason: String
    }

    private enum Phase {
        case head
        case body(remaining: Int)
        case chunkSize
        case chunk(remaining: Int)
        case chunkEnd
        case trailers
        case untilEnd
        case done
    }

    /// Enough for the headers the server sends, with room.
    private static let longestHead = 64 << 10
    private let longestBody: Int
    private var phase = Phase.head
    private var pending: [UInt8] = []
    private var consumed = 0
    private var response = Response(status: 0, headers: [], body: [])

    init(longestBody: Int) {
        self.longestBody = longestBody
    }

    /// Takes `bytes`; the response once it is complete, else nil. Bytes after it are ignored.
    mutating func take(_ bytes: some Sequence<UInt8>) throws -> Response? {
        pending.append(contentsOf: bytes)
        while try step() {}
        pending.removeFirst(consumed)
        consumed = 0
        if case .done = phase { return response }
        return nil
    }

    /// The connection has ended; the response, if that completes it.
    mutating func end() throws -> Response {
        switch phase {
        case .untilEnd, .done: return response
        case .head where pending.isEmpty && response.status == 0:
            throw Malformed(reason: "the connection was closed without one")
        default: throw Malformed(reason: "the connection was closed in the middle of it")
        }
    }

    /// Does one thing; false when it needs more bytes or is done.
    private mutating func step() throws -> Bool {
        switch phase {
        case .head:
            guard let line = try line() else { return false }
            try head(line)
        case .body(let remaining):
            let count = move(atMost: remaining)
            phase = count == remaining ? .done : .body(remaining: remaining - count)
            return count > 0
        case .chunkSize:
            guard let line = try line() else { return false }
            let digits = line.prefix { $0 != ";" && $0 != " " }
            guard let size = Int(digits, radix: 16), size >= 0, digits.first?.isHexDigit == true else {
                throw Malformed(reason: "a chunk has no size")
            }
            try checkBody(adding: size)
            phase = size == 0 ? .trailers : .chunk(remaining: size)
        case .chunk(let remaining):
            let count = move(atMost: remaining)
            phase = count == remaining ? .chunkEnd : .chunk(remaining: remaining - count)
            return count > 0
        case .chunkEnd:
            guard let line = try line() else { return false }
            guard line.isEmpty else { throw Malformed(reason: "a chunk is longer than it says") }
            phase = .chunkSize
        case .trailers:
            guard let line = try line() else { return false }
            if line.isEmpty { phase = .done }
        case .untilEnd:
            try checkBody(adding: pending.count - consumed)
            _ = move(atMost: .max)
            return false
        case .done:
            return false
        }
        return true
    }

    private mutating func head(_ line: String) throws {
        if response.status == 0 {
            let parts = line.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count >= 2, parts[0].hasPrefix("HTTP/1."), parts[1].utf8.count == 3, let status = Int(parts[1]),
                status >= 100
            else { throw Malformed(reason: "it does not begin like HTTP/1.1") }
            response.status = status
        } else if line.isEmpty {
            try endHead()
        } else {
            guard let colon = line.firstIndex(of: ":") else { throw Malformed(reason: "a header has no colon") }
            let value = line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
            response.headers.append((line[..<colon].lowercased(), String(value)))
        }
    }

    private mutating func endHead() throws {
        // An interim response: the real one follows (RFC 9110 §15.2).
        if response.status < 200 {
            response = Response(status: 0, headers: [], body: [])
        } else if response.status == 204 || response.status == 304 {
            phase = .done
        } else if response["transfer-encoding"]?.lowercased() == "chunked" {
            phase = .chunkSize
        } else if let text = response["content-length"] {
            guard let length = Int(text), length >= 0 else { throw Malformed(reason: "its length is no number") }
            try checkBody(adding: length)
            phase = length == 0 ? .done : .body(remaining: length)
        } else {
            phase = .untilEnd
        }
    }

    private func checkBody(adding count: Int) throws {
        guard count <= longestBody - response.body.count else {
            throw Malformed(reason: "its body is larger than \(longestBody) bytes")
        }
    }

    private mutating func move(atMost limit: Int) -> Int {
        let count = min(limit, pending.count - consumed)
        response.body.append(contentsOf: pending[consumed..<consumed + count])
        consumed += count
        return count
    }

    /// The next line without its end; nil when it is not complete.
    private mutating func line() throws -> String? {
        guard let end = pending[consumed...].firstIndex(of: 0x0A) else {
            if pending.count - consumed > Self.longestHead { throw Malformed(reason: "a line of it is too long") }
            return nil
        }
        var line = pending[consumed..<end]
        if line.last == 0x0D { line.removeLast() }
        consumed = end + 1
        if response.headers.count > 256 { throw Malformed(reason: "it has too many headers") }
        return String(decoding: line, as: UTF8.self)
    }
}
