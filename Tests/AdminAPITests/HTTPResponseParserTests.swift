import Testing
@testable import AdminAPI

@Suite struct HTTPResponseParserTests {
    private static func parse(_ text: String, step: Int, longestBody: Int = 100) throws -> HTTPResponseParser.Response {
        var parser = HTTPResponseParser(longestBody: longestBody)
        let bytes = Array(text.utf8)
        for start in stride(from: 0, to: bytes.count, by: step) {
            if let response = try parser.take(bytes[start..<min(start + step, bytes.count)]) { return response }
        }
        return try parser.end()
    }

    @Test(
        "a response is the same however its bytes arrive",
        arguments: [
            ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: a:b\r\n\r\nhello", 200, "hello"),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nhel\r\n2\r\nlo\r\n0\r\nT: 1\r\n\r\n", 200, "hello"),
            ("HTTP/1.1 200 OK\r\n\r\nhello", 200, "hello"),
            ("HTTP/1.1 204 No Content\r\n\r\n", 204, ""),
            ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", 404, ""),
            ("HTTP/1.0 500 x\ncontent-length: 2\n\nno", 500, "no"),
        ], [1, 2, 7, 1_000])
    func complete(given: (text: String, status: Int, body: String), step: Int) throws {
        let response = try Self.parse(given.text, step: step)
        #expect(response.status == given.status)
        #expect(String(decoding: response.body, as: UTF8.self) == given.body)
    }

    @Test("what is no response is refused", arguments: [
        ("", "closed without one"), ("HTTP/1.1 200 OK\r\n", "in the middle"), ("SSH-2.0-x\r\n", "begin like HTTP/1.1"),
        ("HTTP/1.1 99 x\r\n", "begin like HTTP/1.1"), ("HTTP/1.1 200 OK\r\nno colon\r\n", "no colon"),
        ("HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n", "no number"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 101\r\n\r\n", "larger than 100"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 9223372036854775807\r\n\r\n", "larger than 100"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhel", "in the middle"),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n7fffffffffffffff\r\n", "larger than 100"),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n-1\r\n", "no size"),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nabc\r\n", "longer than it says"),
        ("HTTP/1.1 200 OK\r\n\r\n" + String(repeating: "x", count: 101), "larger than 100"),
        ("HTTP/1.1 200 OK\r\na: " + String(repeating: "x", count: 100_000), "too long"),
        ("HTTP/1.1 200 OK\r\n" + String(repeating: "a: b\r\n", count: 300), "too many headers"),
    ])
    func refused(text: String, reason: String) {
        let error = #expect(throws: HTTPResponseParser.Malformed.self) { try Self.parse(text, step: 4_096) }
        #expect(error?.reason.contains(reason) == true, "\(String(describing: error))")
    }

    @Test("random bytes never end the process", arguments: [UInt64(1), 2, 3])
    func randomBytes(seed: UInt64) {
        var generator = SplitMix(state: seed)
        let pieces = ["HTTP/1.1 200 OK\r\n", "\r\n", "transfer-encoding: chunked\r\n", "content-length: 3\r\n", "3\r\n", "0\r\n", "abc"]
        for _ in 0..<2_000 {
            var text: [UInt8] = []
            for _ in 0..<Int.random(in: 0..<12, using: &generator) {
                if Int.random(in: 0..<4, using: &generator) == 0 {
                    text.append(UInt8.random(in: 0...255, using: &generator))
                } else {
                    text += pieces.randomElement(using: &generator)!.utf8
                }
            }
            var parser = HTTPResponseParser(longestBody: 1_000)
            guard (try? parser.take(text)) == .some(.none) else { continue }
            _ = try? parser.end()
        }
    }
}

/// A small generator with a seed, so that a failure can be repeated.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
