import NIOCore
import Testing

@testable import Transport

@Suite("Unary gRPC calls") struct GRPCUnaryTests {
    @Test("a call is answered", arguments: ["Echo", "Later"], [0, 1, 64, 20_000, 200_000])
    func answers(method: String, size: Int) async throws {
        try await TestServer.run { server in
            let client = try HTTP2Client(server.address)
            let message = [UInt8](repeating: 0x41, count: size)
            try await client.wait { !client.settings.isEmpty }
            client.send(.call("/test.Test/\(method)"))
            let framed = [0] + Frame.number(UInt32(size)) + message
            for start in stride(from: 0, to: framed.count, by: 16_384) {
                let end = min(start + 16_384, framed.count)
                client.send(.data(Array(framed[start..<end]), last: end == framed.count))
            }
            client.send(.windowUpdate(0, 1 << 20), .windowUpdate(1, 1 << 20))
            let answer = try await client.answer()
            #expect(answer.headers[":status"] == "200")
            #expect(answer.headers["content-type"] == "application/grpc")
            #expect(answer.messages.map(\.bytes) == [message])
            #expect(answer.status == "0")
        }
    }

    @Test("a call that arrives one byte at a time is answered")
    func dribble() async throws {
        try await TestServer.run { server in
            let client = try HTTP2Client(server.address, greets: false)
            let all =
                Frame.preface + Frame.settings.bytes + Frame.call("/test.Test/Echo").bytes
                + Frame.message("hi".utf8, last: true).bytes
            for byte in all { client.send(bytes: [byte]) }
            #expect(try await client.answer().messages.map(\.bytes) == [Array("hi".utf8)])
        }
    }

    @Test("an error carries its percent-encoded message, its details and trailing metadata, without a body")
    func failure() async throws {
        try await TestServer.run { server in
            let client = try HTTP2Client(server.address)
            client.send(.call("/test.Test/Fail"), .message([], last: true))
            let answer = try await client.answer()
            #expect(answer.status == "9")
            #expect(answer.message == "Gr%C3%BCn ist 100 %25%0A.")
            #expect(answer.headers["grpc-status-details-bin"] == "AQID")
            #expect(answer.headers["x-trace"] == "t")
            #expect(answer.body.isEmpty && answer.trailers.isEmpty)
        }
    }

    struct Refusal: Sendable, CustomTestStringConvertible {
        var name: String
        var extra: [(String, String)] = []
        var path = "/test.Test/Echo"
        var body: Frame = .message([1], last: true)
        var status: String
        var text: String
        var testDescription: String { name }
    }

    @Test(
        "a call that breaks a rule is told which",
        arguments: [
            Refusal(name: "unknown method", path: "/test.Test/Nope", status: "12", text: "/test.Test/Nope"),
            Refusal(name: "unknown compression", extra: [("grpc-encoding", "br")], status: "12", text: "'br'"),
            Refusal(name: "malformed timeout", extra: [("grpc-timeout", "5x")], status: "13", text: "grpc-timeout"),
            Refusal(name: "no message", body: .data([], last: true), status: "13", text: "without a complete"),
            Refusal(
                name: "cut message", body: .data([0, 0, 0, 0, 9, 1], last: true), status: "13", text: "after 1 of 9"),
            Refusal(
                name: "two messages", body: .data([0, 0, 0, 0, 0, 0, 0, 0, 0, 0], last: true), status: "12",
                text: "one request message"),
            Refusal(name: "bad flag", body: .message([1], last: true, flag: 2), status: "13", text: "flag 2"),
            Refusal(
                name: "flag without compression", body: .message([1], last: true, flag: 1), status: "13",
                text: "names no compression"),
            Refusal(
                name: "too large", body: .data([0, 255, 255, 255, 255, 1], last: false), status: "8",
                text: "--max-body-size"),
            Refusal(
                name: "not gzip", extra: [("grpc-encoding", "gzip")], body: .message([1, 2, 3], last: true, flag: 1),
                status: "13", text: "gzip"),
        ])
    func refusals(_ refusal: Refusal) async throws {
        try await TestServer.run { server in
            let client = try HTTP2Client(server.address)
            client.send(.call(refusal.path, extra: refusal.extra), refusal.body)
            let answer = try await client.answer()
            #expect(answer.status == refusal.status)
            #expect(answer.message?.contains(refusal.text) == true, "\(answer.message ?? "")")
            // The connection has not suffered.
            client.send(.call("/test.Test/Echo", stream: 3), .message([5], stream: 3, last: true))
            #expect(try await client.answer(3).status == "0")
        }
    }

    @Test("an unknown compression is told what is supported")
    func acceptEncoding() async throws {
        try await TestServer.run { server in
            let client = try HTTP2Client(server.address)
            client.send(.call("/test.Test/Echo", extra: [("grpc-encoding", "br")]), .message([1], last: true))
            #expect(try await client.answer().headers["grpc-accept-encoding"] == "identity,gzip")
        }
    }

    @Test("another method than POST is refused with 405")
    func method() async throws {
        try await TestServer.run { server in
            let client = try HTTP2Client(server.address)
            client.send(.request("GET", "/test.Test/Echo", extra: [("content-type", "application/grpc")]))
            #expect(try await client.answer().headers[":status"] == "405")
        }
    }

    @Test("gzip is taken and given, and left out for short replies")
    func gzip() async throws {
        try await TestServer.run { server in
            let client = try HTTP2Client(server.address)
            let plain = [UInt8](repeating: 0x42, count: 50_000)
            var packed = ByteBuffer()
            _ = plain.withUnsafeBytes { Gzip.compress($0, into: &packed) }
            let extra = [("grpc-encoding", "gzip"), ("grpc-accept-encoding", "identity, gzip")]
            client.send(
                .call("/test.Test/Echo", extra: extra), .message(Array(packed.readableBytesView), last: true, flag: 1))
            let answer = try await client.answer()
            #expect(answer.headers["grpc-encoding"] == "gzip")
            let message = try #require(answer.messages.first)
            #expect(message.flag == 1)
            let unpacked = try message.bytes.withUnsafeBytes { try Gzip.decompress($0, limit: 1 << 20).get() }
            #expect(Array(unpacked.readableBytesView) == plain)

            client.send(.call("/test.Test/Echo", stream: 3, extra: extra), .message([1], stream: 3, last: true))
            #expect(try await client.answer(3).messages.first?.flag == 0)
        }
    }

    @Test("a decompression bomb is refused at the limit")
    func bomb() async throws {
        var limits = Server.Limits()
        limits.maxBodySize = 1 << 20
        try await TestServer.run(limits: limits) { server in
            let client = try HTTP2Client(server.address)
            var packed = ByteBuffer()
            let plain = [UInt8](repeating: 0, count: 8 << 20)
            _ = plain.withUnsafeBytes { Gzip.compress($0, into: &packed) }
            client.send(.call("/test.Test/Echo", extra: [("grpc-encoding", "gzip")]))
            let framed = [1] + Frame.number(UInt32(packed.readableBytes)) + Array(packed.readableBytesView)
            for start in stride(from: 0, to: framed.count, by: 16_384) {
                let end = min(start + 16_384, framed.count)
                client.send(.data(Array(framed[start..<end]), last: end == framed.count))
            }
            let answer = try await client.answer()
            #expect(answer.status == "8")
            #expect(answer.message?.contains("--max-body-size") == true)
        }
    }

    @Test("a reply above the limit becomes an error")
    func replyLimit() async throws {
        var limits = Server.Limits()
        limits.maxReplySize = 1000
        try await TestServer.run(limits: limits) { server in
            let client = try HTTP2Client(server.address)
            client.send(.call("/test.Test/Size"), .message("1001".utf8, last: true))
            #expect(try await client.answer().status == "8")
        }
    }

    @Test("the deadline ends the call and tells the handler")
    func deadline() async throws {
        try await TestServer.run { server in
            let client = try HTTP2Client(server.address)
            client.send(.call("/test.Test/Never", extra: [("grpc-timeout", "50m")]), .message([], last: true))
            #expect(try await client.answer().status == "4")
            #expect(try await server.log.contains("cancelled deadline"))
        }
    }

    @Test("a reset tells the handler, and an answer that comes later is harmless")
    func cancel() async throws {
        try await TestServer.run { server in
            let client = try HTTP2Client(server.address)
            client.send(.call("/test.Test/Never"), .message([], last: true))
            #expect(try await server.log.contains("started"))
            client.send(.reset(1))
            #expect(try await server.log.contains("cancelled reset"))
            client.send(.call("/test.Test/Later", stream: 3), .message([9], stream: 3, last: true), .reset(3))
            client.send(.call("/test.Test/Echo", stream: 5), .message([5], stream: 5, last: true))
            #expect(try await client.answer(5).messages.map(\.bytes) == [[5]])
        }
    }

    @Test("a disconnect tells the handler")
    func disconnect() async throws {
        try await TestServer.run { server in
            do {
                let client = try HTTP2Client(server.address)
                client.send(.call("/test.Test/Never"), .message([], last: true))
                #expect(try await server.log.contains("started"))
            }
            #expect(try await server.log.contains("cancelled disconnected"))
        }
    }

    @Test("the observer is told how many bytes the messages had, uncompressed and without their frames")
    func sizes() async throws {
        try await TestServer.run(configure: { router, log in
            router.observe = { call, _, _ in log.add("\(call.path.split(separator: "/").last ?? "") \(call.receivedBytes) \(call.sentBytes)") }
        }) { server in
            let client = try HTTP2Client(server.address)
            let plain = [UInt8](repeating: 0x61, count: 5000)
            client.send(.call("/test.Test/Echo"), .message([1, 2, 3], last: true))
            _ = try await client.answer()
            // In two frames, and packed both ways.
            let extra = [("grpc-encoding", "gzip"), ("grpc-accept-encoding", "gzip")]
            var gzip = ByteBuffer()
            _ = plain.withUnsafeBytes { Gzip.compress($0, into: &gzip) }
            let packed = Frame.message(Array(gzip.readableBytesView), stream: 3, last: true, flag: 1).payload
            client.send(.call("/test.Test/Echo", stream: 3, extra: extra), .data(Array(packed[..<7]), stream: 3), .data(Array(packed[7...]), stream: 3, last: true))
            _ = try await client.answer(3)
            client.send(.call("/test.Test/Chat", stream: 5), .message([1, 2], stream: 5))
            try await client.wait { client.answers[5]?.messages.count == 1 }
            client.send(.message([3], stream: 5, last: true))
            _ = try await client.answer(5)
            client.send(.call("/test.Test/Fail", stream: 7), .message([], stream: 7, last: true))
            _ = try await client.answer(7)
            #expect(try await server.log.contains("Fail 0 0"))
            #expect(server.log.all == ["Echo 3 3", "Echo 5000 5000", "Chat 3 3", "Fail 0 0"])
        }
    }

    @Test("interceptor, fallback, observer and metadata do what they say")
    func hooks() async throws {
        try await TestServer.run(configure: { router, log in
            router.intercept = { call in
                call.metadata("x-token") == "secret" ? nil : GRPCStatus(.unauthenticated, "No token.")
            }
            router.fallback = { call in call.path == "/other.Service/Call" ? Chat(call, log) : nil }
            router.observe = { call, code, nanoseconds in log.add("\(call.path) \(code.name) \(nanoseconds > 0)") }
        }) { server in
            let client = try HTTP2Client(server.address)
            client.send(.call("/test.Test/Echo"), .message([], last: true))
            #expect(try await client.answer().status == "16")
            let token = [("x-token", "secret")]
            client.send(.call("/other.Service/Call", stream: 3, extra: token), .message([7], stream: 3, last: true))
            #expect(try await client.answer(3).messages.map(\.bytes) == [[7]])
            client.send(.call("/other.Service/Nope", stream: 5, extra: token), .message([7], stream: 5, last: true))
            #expect(try await client.answer(5).status == "12")
            #expect(try await server.log.contains("/test.Test/Echo UNAUTHENTICATED true"))
            #expect(try await server.log.contains("/other.Service/Call OK true"))
            #expect(try await server.log.contains("/other.Service/Nope UNIMPLEMENTED true"))
        }
    }
}
