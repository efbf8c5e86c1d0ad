import NIOCore
import Testing

@testable import Transport

@Suite("HTTP/1.1") struct HTTP1Tests {
    @Test("requests on one connection are answered in order, also when they are pipelined")
    func pipeline() async throws {
        try await TestServer.run { server in
            let connection = try RawConnection(server.address)
            connection.send(
                "GET /later HTTP/1.1\r\nhost: x\r\n\r\nPOST /b HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\nabc"
                    + "GET /parts HTTP/1.1\r\nhost: x\r\n\r\nGET /c HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            let text = try await connection.receiveAll()
            let order = ["\r\n\r\nlater", "x-target: /b", "\r\n\r\nabc", "3\r\ntwo\r\n0\r\n\r\n", "x-target: /c"]
            var rest = text[...]
            for part in order {
                let found = try #require(rest.firstRange(of: part), "\(part) in \(text)")
                rest = rest[found.upperBound...]
            }
        }
    }

    @Test("a request that arrives one byte at a time is answered")
    func dribble() async throws {
        try await TestServer.run { server in
            let connection = try RawConnection(server.address)
            for byte in Array(
                "POST /x HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n".utf8)
            {
                connection.send([byte])
            }
            #expect(try await connection.receive(until: "abc").hasPrefix("HTTP/1.1 200 OK\r\n"))
        }
    }

    struct Case: Sendable, CustomTestStringConvertible {
        var name: String
        var request: String
        /// What the answer starts with; nil when there may be none.
        var answer: String?
        /// Whether the connection must be closed behind it.
        var closes = true
        var testDescription: String { name }

        init(_ name: String, _ request: String, _ answer: String?, closes: Bool = true) {
            self.name = name
            self.request = request
            self.answer = answer
            self.closes = closes
        }
    }

    static let head = "POST /x HTTP/1.1\r\nhost: x\r\n"

    @Test(
        "what is not a clear request is refused and the connection closed",
        arguments: [
            Case(
                "length and chunked",
                head + "content-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n",
                "HTTP/1.1 400"),
            Case(
                "chunked and length", head + "transfer-encoding: chunked\r\ncontent-length: 3\r\n\r\n0\r\n\r\n",
                "HTTP/1.1 400"),
            Case("two lengths", head + "content-length: 3\r\ncontent-length: 4\r\n\r\nabcd", "HTTP/1.1 400"),
            Case("two equal lengths", head + "content-length: 3\r\ncontent-length: 3\r\n\r\nabc", "HTTP/1.1 400"),
            Case("list of lengths", head + "content-length: 3, 3\r\n\r\nabc", "HTTP/1.1 400"),
            Case("negative length", head + "content-length: -1\r\n\r\n", "HTTP/1.1 400"),
            Case("length with a sign", head + "content-length: +3\r\n\r\nabc", "HTTP/1.1 400"),
            Case(
                "length too large for a number", head + "content-length: 99999999999999999999999\r\n\r\n",
                "HTTP/1.1 400"),
            Case("unknown coding", head + "transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "HTTP/1.1 400"),
            Case("coding that hides", head + "transfer-encoding: xchunked\r\n\r\n0\r\n\r\n", "HTTP/1.1 400"),
            Case(
                "coding twice", head + "transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n\r\n0\r\n\r\n",
                "HTTP/1.1 400"),
            Case("folded field", head + "x-a: b\r\n folded\r\n\r\n", "HTTP/1.1 400"),
            Case("space before the colon", head + "content-length : 3\r\n\r\nabc", "HTTP/1.1 400"),
            Case("null in a value", head + "x-a: b\0c\r\n\r\n", "HTTP/1.1 400"),
            Case("bare LF", "GET /x HTTP/1.1\nhost: x\n\n", "HTTP/1.1 400"),
            Case("bare CR", "GET /x HTTP/1.1\r\nhost: x\rx-a: b\r\n\r\n", "HTTP/1.1 400"),
            Case("huge chunk", head + "transfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\n", "HTTP/1.1 400"),
            Case("chunk size that is none", head + "transfer-encoding: chunked\r\n\r\nxyz\r\n", "HTTP/1.1 400"),
            Case(
                "chunk without its end", head + "transfer-encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n", "HTTP/1.1 400"
            ),
            Case("no host", "GET /x HTTP/1.1\r\n\r\n", "HTTP/1.1 400"),
            Case("two hosts", "GET /x HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n", "HTTP/1.1 400"),
            Case("proxy request", "CONNECT a:1 HTTP/1.1\r\nhost: a:1\r\n\r\n", "HTTP/1.1 405"),
            Case("unknown version", "GET /x HTTP/3.0\r\nhost: x\r\n\r\n", "HTTP/1.1 400"),
            Case("nonsense", "\u{1}\u{2}\u{3}\u{4}\r\n\r\n", "HTTP/1.1 400"),
            Case("almost HTTP/2", "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", "HTTP/1.1 400"),
            Case(
                "header bomb",
                "GET /x HTTP/1.1\r\nhost: x\r\nx-a: " + String(repeating: "a", count: 40_000) + "\r\n\r\n",
                "HTTP/1.1 431"),
            Case(
                "too many fields",
                "GET /x HTTP/1.1\r\nhost: x\r\n" + String(repeating: "a: b\r\n", count: 200) + "\r\n", "HTTP/1.1 431"),
            Case("announced body too large", head + "content-length: 999999999\r\n\r\n", "HTTP/1.1 413"),
            Case("1.0", "GET /x HTTP/1.0\r\n\r\n", "HTTP/1.1 200"),
            Case("1.0 that stays", "GET /x HTTP/1.0\r\nconnection: keep-alive\r\n\r\n", "HTTP/1.1 200", closes: false),
            Case(
                "upgrade ignored", "GET /x HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n",
                "HTTP/1.1 200", closes: false),
            Case(
                "empty lines before a request", "\r\n\r\nGET /x HTTP/1.1\r\nhost: x\r\n\r\n", "HTTP/1.1 200",
                closes: false),
        ])
    func refusals(_ item: Case) async throws {
        try await TestServer.run { server in
            let connection = try RawConnection(server.address)
            connection.send(item.request)
            if item.closes {
                let text = try await connection.receiveAll()
                if let answer = item.answer { #expect(text.hasPrefix(answer), "\(text)") }
                #expect(!text.contains("/smuggled"))
            } else {
                let text = try await connection.receive(until: "\r\n\r\n")
                if let answer = item.answer { #expect(text.hasPrefix(answer), "\(text)") }
                connection.send("GET /again HTTP/1.1\r\nhost: x\r\n\r\n")
                #expect(try await connection.receive(until: "/again").contains("x-target: /again"))
            }
        }
    }

    @Test("a chunked body above the limit is refused with 413")
    func chunkedLimit() async throws {
        var limits = Server.Limits()
        limits.maxBodySize = 1000
        try await TestServer.run(limits: limits) { server in
            let connection = try RawConnection(server.address)
            connection.send(Self.head + "transfer-encoding: chunked\r\n\r\n")
            for _ in 0..<20 { connection.send("64\r\n" + String(repeating: "a", count: 100) + "\r\n") }
            #expect(try await connection.receiveAll().hasPrefix("HTTP/1.1 413"))
        }
    }

    @Test("100 Continue is sent to who asks for it")
    func expect() async throws {
        try await TestServer.run { server in
            let connection = try RawConnection(server.address)
            connection.send(Self.head + "expect: 100-continue\r\ncontent-length: 2\r\n\r\n")
            #expect(try await connection.receive(until: "\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n")
            connection.send("ok")
            #expect(try await connection.receive(until: "\r\n\r\nok").hasPrefix("HTTP/1.1 200"))
        }
    }

    @Test("HEAD has the head of the answer and nothing else")
    func headMethod() async throws {
        try await TestServer.run { server in
            let connection = try RawConnection(server.address)
            connection.send("HEAD /large HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            let text = try await connection.receiveAll()
            #expect(text.contains("content-length: 300000\r\n"))
            #expect(text.hasSuffix("\r\n\r\n"))
        }
    }

    @Test("what a handler puts into a value can't start another field")
    func splitting() async throws {
        try await TestServer.run { server in
            let connection = try RawConnection(server.address)
            connection.send("GET /split HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            let text = try await connection.receiveAll()
            #expect(text.contains("x-bad: a  set-cookie: b\r\n"))
            #expect(!text.contains("bad name"))
        }
    }

    @Test("a streamed body comes back part by part", arguments: [10, 100_000, 3_000_000])
    func streamed(size: Int) async throws {
        try await TestServer.run { server in
            let connection = try RawConnection(server.address)
            let body = [UInt8](repeating: 0x63, count: size)
            let head = "POST /stream HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: \(size)\r\n\r\n"
            async let sent = connection.sendWhileReading(Array(head.utf8) + body)
            let text = try await connection.receiveAll()
            let isSent = try await sent
            #expect(isSent)
            #expect(text.utf8.count { $0 == 0x63 } >= size)
            #expect(text.hasSuffix("0\r\n\r\n"))
        }
    }

    @Test("the rest of a body that was answered early is read away, and the connection goes on", arguments: [100_000, 3_000_000])
    func earlyAnswer(size: Int) async throws {
        try await TestServer.run { server in
            let connection = try RawConnection(server.address)
            let head = "POST /early HTTP/1.1\r\nhost: x\r\ncontent-length: \(size)\r\n\r\n"
            let next = "GET /next HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
            async let sent = connection.sendWhileReading(Array(head.utf8) + [UInt8](repeating: 0x63, count: size) + Array(next.utf8))
            let text = try await connection.receiveAll()
            let isSent = try await sent
            #expect(isSent)
            #expect(text.contains("early") && text.contains("x-target: /next"), "\(text)")
        }
    }

    @Test("a client that resets its connection is told to the handler", arguments: [false, true])
    func disconnect(afterHalf: Bool) async throws {
        try await TestServer.run { server in
            do {
                let connection = try RawConnection(server.address)
                connection.send("GET /never HTTP/1.1\r\nhost: x\r\n\r\n")
                #expect(try await server.log.contains("started"))
                if afterHalf { connection.closeOutput() }
                connection.resetAtEnd()
            }
            #expect(try await server.log.contains("cancelled disconnected"))
        }
    }

    @Test("a client that sends no more gets every answer, and then the end", arguments: [1, 3])
    func halfClosed(count: Int) async throws {
        try await TestServer.run { server in
            for target in ["/x", "/later", "/parts", "/large"] {
                let connection = try RawConnection(server.address)
                connection.send(String(repeating: "GET \(target) HTTP/1.1\r\nhost: x\r\n\r\n", count: count))
                connection.closeOutput()
                let text = try await connection.receiveAll()
                #expect(text.split(separator: "HTTP/1.1 200 OK\r\n").count == count, "\(target): \(text.prefix(1000))")
            }
        }
    }

    @Test("a request that is cut by the end is not answered", arguments: ["POST /x HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\nab", "GET /x HT", ""])
    func cutByEnd(request: String) async throws {
        try await TestServer.run { server in
            let connection = try RawConnection(server.address)
            connection.send(request)
            connection.closeOutput()
            let text = try await connection.receiveAll()
            #expect(text.isEmpty, "\(text)")
        }
    }
}
