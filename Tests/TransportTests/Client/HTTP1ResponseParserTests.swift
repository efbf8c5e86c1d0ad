import NIOCore
import Testing

@testable import Transport

@Suite("HTTP/1.1 responses") struct HTTP1ResponseParserTests {
    /// Parses `text` in pieces of `size` bytes and, when it is all there, the end of the connection.
    private static func parse(_ text: String, size: Int, method: String = "GET", closes: Bool = true) -> String {
        var parser = HTTP1ResponseParser(maxHeaderBytes: 1000, maxHeaderCount: 10)
        parser.begin(isHEAD: method == "HEAD")
        var result = ""
        var body = ""
        func take(_ event: HTTP1ResponseParser.Event) -> Bool {
            switch event {
            case .informational(let status): result += "\(status) "
            case .head(let status): result += "\(status)[\(parser.fields["x"] ?? "")] "
            case .body(let bytes): body += String(buffer: bytes)
            case .end:
                result += "'\(body)' end[\(parser.trailers["x"] ?? "")]" + (parser.isKeepAlive ? " stays" : "")
                return false
            case .failed(let fault):
                result += "refused: " + fault.text
                return false
            }
            return true
        }
        let bytes = Array(text.utf8)
        for start in stride(from: 0, to: bytes.count, by: size) {
            var piece = ByteBuffer(bytes: bytes[start..<min(start + size, bytes.count)])
            while let event = parser.next(&piece) {
                guard take(event) else { return result + (piece.readableBytes > 0 && !result.contains("refused") ? " more" : "") }
            }
        }
        if closes, let event = parser.close() { _ = take(event) }
        return result
    }

    @Test("good ones, in pieces of every size", arguments: [1, 2, 3, 7, 1000])
    func good(size: Int) {
        let cases: [(String, String)] = [
            ("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello", "200[] 'hello' end[] stays"),
            ("HTTP/1.1 200\r\ncontent-length: 0\r\n\r\n", "200[] '' end[] stays"),
            ("HTTP/1.1 204 No Content\r\n\r\n", "204[] '' end[] stays"),
            ("HTTP/1.1 304 x\r\ncontent-length: 7\r\n\r\n", "304[] '' end[] stays"),
            ("HTTP/1.1 200 OK\r\nX: \t a b \r\ncontent-length: 0\r\n\r\n", "200[a b] '' end[] stays"),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n3\r\nabc\r\nA;e=1\r\n0123456789\r\n0\r\n\r\n",
             "200[] 'abc0123456789' end[] stays"),
            ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\nx: behind\r\ncontent-length: 9\r\n\r\n",
             "200[] '' end[behind] stays"),
            ("HTTP/1.1 200 OK\r\nconnection: Close\r\ncontent-length: 2\r\n\r\nhi", "200[] 'hi' end[]"),
            ("HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nhi", "200[] 'hi' end[]"),
            ("HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\nhi", "200[] 'hi' end[] stays"),
            ("HTTP/1.1 200 OK\r\n\r\nuntil the end", "200[] 'until the end' end[]"),
            ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nx: y\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
             "100 103 200[] '' end[] stays"),
        ]
        for (text, expected) in cases { #expect(Self.parse(text, size: size) == expected, "\(text.debugDescription)") }
        #expect(Self.parse("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n", size: size, method: "HEAD") == "200[] '' end[] stays")
    }

    @Test("bad ones are refused, in pieces of every size", arguments: [1, 2, 5, 1000])
    func bad(size: Int) {
        let ok = "HTTP/1.1 200 OK\r\n"
        let chunked = ok + "transfer-encoding: chunked\r\n\r\n"
        let cases: [(String, String)] = [
            ("HTP/1.1 200 OK\r\n\r\n", "status line"),
            ("HTTP/2.0 200 OK\r\n\r\n", "status line"),
            ("HTTP/1.2 200 OK\r\n\r\n", "status line"),
            ("HTTP/1.1  200 OK\r\n\r\n", "three digits"),
            ("HTTP/1.1 20 OK\r\n\r\n", "three digits"),
            ("HTTP/1.1 2000 OK\r\n\r\n", "three digits"),
            ("HTTP/1.1 099 OK\r\n\r\n", "status is 99"),
            ("HTTP/1.1 200 O\u{0}K\r\n\r\n", "control character"),
            ("HTTP/1.1 200 OK\n\n", "CR LF"),
            (ok + "a: b\n\r\n", "CR LF"),
            (ok + "a b: c\r\n\r\n", "no field"),
            (ok + "a : c\r\n\r\n", "no field"),
            (ok + ": c\r\n\r\n", "no field"),
            (ok + "a\r\n\r\n", "no field"),
            (ok + "a: b\r\n folded\r\n\r\n", "no field"),
            (ok + "a: b\rc\r\n\r\n", "control character"),
            (ok + "a: \u{7f}\r\n\r\n", "control character"),
            (ok + "content-length: 5\r\ncontent-length: 5\r\n\r\nhello", "more than one content-length"),
            (ok + "content-length: 5, 5\r\n\r\nhello", "no number"),
            (ok + "content-length: +5\r\n\r\nhello", "no number"),
            (ok + "content-length: -1\r\n\r\n", "no number"),
            (ok + "content-length: \r\n\r\n", "no number"),
            (ok + "content-length: 9999999999999999999\r\n\r\n", "no number"),
            (ok + "content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n", "both"),
            (ok + "transfer-encoding: gzip, chunked\r\n\r\n", "other than 'chunked'"),
            (ok + "transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n", "other than 'chunked'"),
            ("HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", "HTTP/1.0"),
            ("HTTP/1.1 101 Switching\r\n\r\n", "changes to a protocol"),
            (String(repeating: "HTTP/1.1 100 C\r\n\r\n", count: 17), "too many informational"),
            (ok + "a: \(String(repeating: "b", count: 1000))\r\n\r\n", "exceeds 1000 bytes"),
            (ok + String(repeating: "a: b\r\n", count: 11), "more than 10 fields"),
            (String(repeating: "x", count: 2000), "exceeds 1000 bytes"),
            (chunked + "g\r\n", "no number"),
            (chunked + "\r\n", "no number"),
            (chunked + " 5\r\nhello\r\n", "no number"),
            (chunked + "5 x\r\nhello\r\n", "no number"),
            (chunked + "0x5\r\nhello\r\n", "no number"),
            (chunked + "1000000000000000\r\n", "too large"),
            (chunked + "3\r\nhello\r\n", "longer than it says"),
            (chunked + "3\r\nhel\n", "CR LF"),
            (chunked + "3;\(String(repeating: "e", count: 1000))\r\n", "exceeds 1000 bytes"),
            (chunked + "3\r\nhel", "inside of the response"),
            (chunked + "0\r\n", "inside of the response"),
            (chunked + "0\r\nno field\r\n\r\n", "no field"),
            (ok + "content-length: 5\r\n\r\nhell", "inside of the response"),
            (ok + "content-le", "inside of the response"),
            ("", "inside of the response"),
        ]
        for (text, expected) in cases {
            let result = Self.parse(text, size: size)
            #expect(result.contains("refused") && result.contains(expected), "\(text.prefix(80).debugDescription): \(result)")
        }
    }

    @Test("what comes behind a response is left alone")
    func more() {
        #expect(
            Self.parse("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhiHTTP/1.1 200 OK\r\n", size: 1000)
                == "200[] 'hi' end[] stays more")
    }
}
