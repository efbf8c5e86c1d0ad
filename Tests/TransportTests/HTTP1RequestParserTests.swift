import NIOCore
import Testing

@testable import Transport

@Suite("Requests of HTTP/1.1")
struct HTTP1RequestParserTests {
    /// What the parser makes of bytes that come in pieces: heads, bodies, and `400` or another status where it gives up.
    static func parsed(_ text: String, piece: Int = .max) -> [String] {
        var parser = HTTP1RequestParser(maxHeaderBytes: 400, maxHeaderCount: 5)
        var input = ByteBuffer()
        var result: [String] = [], body = ""
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            input.writeBytes(rest.prefix(piece))
            rest = rest.dropFirst(piece)
            while let event = parser.next(&input) {
                switch event {
                case .head(let head):
                    body = ""
                    result.append("\(head.method) \(head.target)\(head.isKeepAlive ? "" : " close")")
                case .body(let part): body += String(buffer: part)
                case .end: result.append("[\(body)]")
                case .failed(let fault): return result + ["\(fault.status)"]
                }
            }
        }
        return result
    }

    @Test("offer a WebSocket when it is asked for in full, and nothing else", arguments: [
        ("GET / HTTP/1.1\r\nhost: x\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n\r\n", true),
        ("GET / HTTP/1.1\r\nhost: x\r\nupgrade: h2c, websocket\r\nconnection: upgrade\r\ncontent-length: 0\r\n\r\n", true),
        ("GET / HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\n\r\n", false),
        ("GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\n\r\n", false),
        ("GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n", false),
        ("GET / HTTP/1.1\r\nhost: x\r\nconnection: xupgrade\r\nupgrade: websocket\r\n\r\n", false),
        ("GET / HTTP/1.0\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n", false),
        ("POST / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n", false),
        ("GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\ncontent-length: 1\r\n\r\na", false),
        ("GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\ntransfer-encoding: chunked\r\n\r\n", false),
    ])
    func offers(text: String, isOffer: Bool) throws {
        var parser = HTTP1RequestParser(maxHeaderBytes: 400, maxHeaderCount: 5)
        var input = ByteBuffer(string: text)
        guard case .head(let head)? = parser.next(&input) else { throw ChannelError.eof }
        #expect(head.offersWebSocket == isOffer)
    }

    @Test("are read the same in whichever pieces they come", arguments: [1, 2, 3, 7, 64, .max])
    func pieces(piece: Int) {
        let text = "\r\nGET /a?b=c HTTP/1.1\r\nHost: x\r\n\r\n"
            + "POST / HTTP/1.1\r\nhost: x\r\nContent-Length:  3 \r\n\r\nabc"
            + "PUT /c HTTP/1.1\r\nhost: x\r\nTransfer-Encoding: Chunked\r\n\r\n2;x=y\r\nde\r\nA\r\n0123456789\r\n0\r\nt: u\r\n\r\n"
            + "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET / HTTP/1.0\r\n\r\nGET / HTTP/1.1\r\nhost: x\r\nconnection: a, Close\r\n\r\n"
        #expect(
            Self.parsed(text, piece: piece) == [
                "GET /a?b=c", "[]", "POST /", "[abc]", "PUT /c", "[de0123456789]", "GET /", "[]", "GET / close", "[]", "GET / close", "[]",
            ])
    }

    /// A head with a host, with more lines behind it and perhaps a body.
    static func with(_ lines: String, body: String = "", method: String = "POST") -> String {
        "\(method) / HTTP/1.1\r\nhost: x\r\n\(lines)\r\n\(body)"
    }

    static let refused: [(text: String, status: String)] = [
        (with("content-length: 1\r\ncontent-length: 1\r\n", body: "a"), "400"),
        (with("content-length: 1\r\ntransfer-encoding: chunked\r\n", body: "0\r\n\r\n"), "400"),
        (with("transfer-encoding: chunked\r\ncontent-length: 5\r\n", body: "0\r\n\r\n"), "400"),
        (with("content-length: +1\r\n", body: "a"), "400"), (with("content-length: -1\r\n"), "400"),
        (with("content-length: 1,1\r\n", body: "a"), "400"), (with("content-length: 1 1\r\n", body: "a"), "400"),
        (with("content-length: 0x1\r\n", body: "a"), "400"), (with("content-length:\r\n"), "400"),
        (with("content-length: 9999999999999999999\r\n"), "400"), (with("content-length : 1\r\n", body: "a"), "400"),
        (with("transfer-encoding: chunked, chunked\r\n"), "400"), (with("transfer-encoding: gzip, chunked\r\n"), "400"),
        (with("transfer-encoding: xchunked\r\n"), "400"), (with("transfer-encoding: identity\r\n"), "400"),
        (with("transfer-encoding: \"chunked\"\r\n"), "400"), (with("transfer-encoding:\r\n"), "400"),
        (with("transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n"), "400"),
        (with("transfer-encoding : chunked\r\n"), "400"), (with("transfer-encoding: chunked\u{b}\r\n"), "400"),
        (with(" folded: a\r\n"), "400"), (with("a: b\r\n\tc\r\n"), "400"), (with("a: b\n"), "400"), (with("a: b\rc: d\r\n"), "400"),
        (with("a: b\u{0}c\r\n"), "400"), (with("a: b\u{7f}\r\n"), "400"), (with("a b: c\r\n"), "400"), (with(": c\r\n"), "400"),
        (with("no colon\r\n"), "400"), (with("host: y\r\n"), "400"),
        ("GET / HTTP/1.1\r\n\r\n", "400"), ("GET /\r\n\r\n", "400"), ("GET / HTTP/2.0\r\nhost: x\r\n\r\n", "400"),
        ("GET / HTTP/1.2\r\nhost: x\r\n\r\n", "400"), ("GET  / HTTP/1.1\r\nhost: x\r\n\r\n", "400"), ("GET / HTTP/1.1 \r\nhost: x\r\n\r\n", "400"),
        ("GET /a b HTTP/1.1\r\nhost: x\r\n\r\n", "400"), ("GET\t/ HTTP/1.1\r\nhost: x\r\n\r\n", "400"), ("G(T / HTTP/1.1\r\nhost: x\r\n\r\n", "400"),
        (" GET / HTTP/1.1\r\nhost: x\r\n\r\n", "400"), ("GET / HTTP/1.1\nhost: x\n\n", "400"), ("\u{16}\u{3}\u{1}", "400"),
        ("POST / HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", "400"), ("CONNECT x:1 HTTP/1.1\r\nhost: x\r\n\r\n", "405"),
        (with("a: \(String(repeating: "b", count: 400))\r\n"), "431"), (with("a: b\r\nc: d\r\ne: f\r\ng: h\r\ni: j\r\n"), "431"),
    ]

    @Test("are refused where they could be read in two ways", arguments: 0..<refused.count, [1, .max])
    func refusals(index: Int, piece: Int) {
        let (text, status) = Self.refused[index]
        // What is behind a refused request is never read as another.
        #expect(Self.parsed(text + "GET /hidden HTTP/1.1\r\nhost: x\r\n\r\n", piece: piece) == [status])
    }

    @Test("whose body is cut up wrongly end the connection", arguments: [
        "x\r\n", "-1\r\n", " 1\r\na\r\n", "1 \r\na\r\n", "1\na\r\n0\r\n\r\n", "1\r\nab\r\n0\r\n\r\n", "1;\u{0}\r\na\r\n", "fffffffffffffffff\r\n",
        "0x1\r\na\r\n0\r\n\r\n", "\r\n", "0\r\n\n", "0\r\nbad\r\n\r\n", "0\r\n a: b\r\n\r\n", "1;\(String(repeating: "x", count: 300))\r\na\r\n",
    ], [1, .max])
    func chunks(body: String, piece: Int) {
        let result = Self.parsed(Self.with("transfer-encoding: chunked\r\n", body: body), piece: piece)
        #expect(result == ["POST /", "400"], "\(result)")
    }
}
