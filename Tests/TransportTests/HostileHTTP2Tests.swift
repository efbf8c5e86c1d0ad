import NIOCore
import Testing

@testable import Transport

/// What a hostile peer sends ends in an error of the protocol, and costs the others nothing.
@Suite("Hostile HTTP/2") struct HostileHTTP2Tests {
    enum End: Sendable, Equatable {
        /// GOAWAY with a code, and the connection closed.
        case goAway(UInt32)
        /// One of several codes.
        case goAwayAny
        /// The stream is reset; the connection lives.
        case reset(UInt32)
        /// Closed, with whatever.
        case close
        /// An answer with this HTTP status; the connection lives.
        case answer(String)
    }

    struct Case: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var frames: [Frame]
        var end: End

        init(_ name: String, _ frames: [Frame], _ end: End) {
            testDescription = name
            self.frames = frames
            self.end = end
        }
    }

    @Test("each ends as the protocol says", arguments: HostileFrames.cases)
    func hostile(_ item: Case) async throws {
        try await TestServer.run { server in
            let other = try HTTP2Client(server.address)
            let client = try HTTP2Client(server.address)
            client.send(item.frames)
            switch item.end {
            case .goAway(let code):
                try await client.waitForEnd()
                #expect(client.goAways.last?.code == code, "\(client.goAways)")
            case .goAwayAny:
                try await client.waitForEnd()
                #expect(client.goAways.last.map { $0.code != 0 } == true, "\(client.goAways)")
            case .close: try await client.waitForEnd()
            case .reset(let code):
                #expect(try await client.answer().resetCode == code)
                client.send(.call("/test.Test/Echo", stream: 77), .message([5], stream: 77, last: true))
                #expect(try await client.answer(77).status == "0")
            case .answer(let status):
                #expect(try await client.answer().headers[":status"] == status)
                client.send(.call("/test.Test/Echo", stream: 77), .message([5], stream: 77, last: true))
                #expect(try await client.answer(77).status == "0")
            }
            other.send(.call("/test.Test/Echo"), .message([5], last: true))
            #expect(try await other.answer().status == "0")
            #expect(try await server.eventually { $0.openStreams == 0 })
        }
    }

    @Test("a preface that is followed by nonsense ends the connection")
    func badPreface() async throws {
        try await TestServer.run { server in
            let client = try HTTP2Client(server.address, greets: false)
            client.send(bytes: Frame.preface + Array("this is not a frame at all, is it?".utf8))
            try await client.waitForEnd()
        }
    }

    @Test("a header list above the limit is refused, for gRPC in its own terms")
    func headerBomb() async throws {
        var limits = Server.Limits()
        limits.maxHeaderBytes = 4000
        try await TestServer.run(limits: limits) { server in
            let client = try HTTP2Client(server.address)
            let extra = (0..<9).map { ("x-\($0)", String(repeating: "a", count: 900)) }
            client.send(.request("GET", "/x", extra: extra))
            #expect(try await client.answer().headers[":status"] == "431")
            client.send(.call("/test.Test/Echo", stream: 3, extra: extra), .message([1], stream: 3, last: true))
            #expect(try await client.answer(3).status == "8")
        }
    }

    @Test("streams above a limit that the client may not know yet are refused, and the others served")
    func concurrency() async throws {
        var limits = Server.Limits()
        limits.maxConcurrentStreams = 10
        try await TestServer.run(limits: limits) { server in
            let client = try HTTP2Client(server.address, acknowledges: false)
            for index in 0..<12 { client.send(.call("/test.Test/Never", stream: UInt32(index * 2 + 1))) }
            #expect(try await client.answer(23).resetCode == 7)
            #expect(try await server.eventually { $0.openStreams == 10 })
        }
    }

    @Test("streams above a limit that the client knows end the connection")
    func knownConcurrency() async throws {
        var limits = Server.Limits()
        limits.maxConcurrentStreams = 10
        try await TestServer.run(limits: limits) { server in
            let client = try HTTP2Client(server.address)
            try await client.wait { !client.settings.isEmpty }
            for index in 0..<12 { client.send(.call("/test.Test/Never", stream: UInt32(index * 2 + 1))) }
            try await client.waitForEnd()
            #expect(client.goAways.last?.code == 1)
        }
    }

    @Test("connections above the limit are refused and counted")
    func connections() async throws {
        var limits = Server.Limits()
        limits.maxConnections = 2
        try await TestServer.run(limits: limits) { server in
            let first = try HTTP2Client(server.address)
            let second = try HTTP2Client(server.address)
            try await first.wait { !first.settings.isEmpty }
            try await second.wait { !second.settings.isEmpty }
            let third = try RawConnection(server.address)
            #expect((try? await third.receive())?.isEmpty ?? true)
            #expect(await server.server.statistics().refusedConnections == 1)
        }
    }

    @Test("bytes of unfinished requests are bounded")
    func buffers() async throws {
        var limits = Server.Limits()
        limits.maxBufferedBytes = 100_000
        try await TestServer.run(limits: limits) { server in
            let client = try HTTP2Client(server.address)
            for index in 0..<20 {
                let stream = UInt32(index * 2 + 1)
                client.send(
                    .call("/test.Test/Echo", stream: stream),
                    .data([0, 0, 1, 0, 0] + [UInt8](repeating: 1, count: 10_000), stream: stream))
            }
            #expect(try await client.answer(39).status == "8")
            #expect(await server.server.statistics().bufferedBytes <= 100_000)
        }
    }
}
