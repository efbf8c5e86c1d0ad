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

    private static let get = Frame.request("GET", "/x")
    private static func many(_ count: Int, _ frame: Frame) -> [Frame] { Array(repeating: frame, count: count) }

    @Test(
        "each ends as the protocol says",
        arguments: [
            Case("frame above the size limit", [.data([UInt8](repeating: 0, count: 16_385))], .goAway(6)),
            Case("frame that claims 16 MiB", [Frame(kind: 0, stream: 1, payload: [1], claimedLength: 0xff_ffff)], .goAway(6)),
            Case("data on an idle stream", [.data([1], stream: 5)], .goAway(1)),
            Case("data on stream 0", [.data([1], stream: 0)], .goAway(1)),
            Case("headers on an even stream", [.request("GET", "/", stream: 2)], .goAway(1)),
            Case("stream ids that go back", [.request("GET", "/", stream: 5), .request("GET", "/", stream: 3)], .goAwayAny),
            Case("reset of an idle stream", [.reset(9)], .goAway(1)),
            Case("reset of a wrong length", [Frame(kind: 3, stream: 1, payload: [1])], .goAway(6)),
            Case("ping of a wrong length", [Frame(kind: 6, payload: [1])], .goAway(6)),
            Case("settings of a wrong length", [Frame(kind: 4, payload: [1])], .goAway(6)),
            Case("settings on a stream", [Frame(kind: 4, stream: 1)], .goAway(1)),
            Case("settings acknowledgement with content", [Frame(kind: 4, flags: 1, payload: [0, 0, 0, 0, 0, 0])], .goAway(6)),
            Case("initial window above 2^31", [Frame(kind: 4, payload: [0, 4, 0xff, 0xff, 0xff, 0xff])], .goAway(3)),
            Case("frame size setting too small", [Frame(kind: 4, payload: [0, 5, 0, 0, 0, 1])], .goAway(1)),
            Case("window update of zero", [.windowUpdate(0, 0)], .goAway(1)),
            Case("window of the connection overflows", [.windowUpdate(0, 0x7fff_ffff), .windowUpdate(0, 0x7fff_ffff)], .goAway(3)),
            Case("window of a stream overflows", [.request("POST", "/never", flags: 4), .windowUpdate(1, 0x7fff_ffff)], .reset(3)),
            Case("window update on an idle stream", [.windowUpdate(7, 1)], .goAway(1)),
            Case("continuation without headers", [Frame(kind: 9, flags: 4, stream: 1)], .goAway(1)),
            Case("headers interrupted by a ping", [.request("GET", "/", flags: 1), Frame(kind: 6, payload: [UInt8](repeating: 0, count: 8))], .goAway(1)),
            Case("broken header compression", [Frame(kind: 1, flags: 5, stream: 1, payload: [0xff, 0xff, 0xff, 0xff, 0xff, 0xff])], .goAway(9)),
            Case("table size above the limit", [Frame(kind: 1, flags: 5, stream: 1, payload: [0x3f, 0xff, 0xff, 0xff, 0x7f])], .goAway(9)),
            Case("padding longer than the frame", [Frame(kind: 1, flags: 0xd, stream: 1, payload: [200, 0])], .goAway(1)),
            Case("push promise from a client", [Frame(kind: 5, flags: 4, stream: 1, payload: [0, 0, 0, 2])], .goAway(1)),
            Case("no method", [Frame(kind: 1, flags: 5, stream: 1, payload: Frame.block([(":path", "/"), (":scheme", "http")]))], .reset(1)),
            Case("two paths", [.request("GET", "/", extra: [(":path", "/b")])], .reset(1)),
            Case("upper-case name", [.request("GET", "/", extra: [("X-Upper", "1")])], .reset(1)),
            Case("connection field", [.request("GET", "/", extra: [("connection", "close")])], .reset(1)),
            Case("body longer than announced", [.request("POST", "/x", extra: [("content-length", "1")], flags: 4), .data([1, 2], last: true)], .reset(1)),
            Case("body shorter than announced", [.request("POST", "/x", extra: [("content-length", "9")], flags: 4), .data([1, 2], last: true)], .reset(1)),
            Case("too many header bytes", [.request("GET", "/", extra: (0..<9).map { ("x-\($0)", String(repeating: "a", count: 900)) } + (0..<9).map { ("y-\($0)", String(repeating: "a", count: 900)) })], .answer("200")),
            Case("too many header fields", [.request("GET", "/", extra: (0..<200).map { ("x-\($0)", "1") })], .answer("431")),
            Case("ping flood", many(3000, Frame(kind: 6, payload: [UInt8](repeating: 0, count: 8))), .goAway(11)),
            Case("settings flood", many(3000, .settings), .goAway(11)),
            Case("priority flood", many(3000, Frame(kind: 2, stream: 1, payload: [0, 0, 0, 0, 1])), .goAway(11)),
            Case("empty data flood", [.request("POST", "/x", flags: 4)] + many(3000, .data([])), .goAway(11)),
            Case("rapid reset", (0..<3000).flatMap { [.request("GET", "/never", stream: UInt32($0 * 2 + 1)), .reset(UInt32($0 * 2 + 1))] }, .goAway(11)),
            Case("continuation flood", [.request("GET", "/", flags: 1)] + many(3000, Frame(kind: 9, stream: 1)), .goAwayAny),
            Case("too many settings in one frame", [Frame(kind: 4, payload: (0..<500).flatMap { _ in [UInt8]([0, 1, 0, 0, 0, 1]) })], .goAwayAny),
        ])
    func hostile(_ item: Case) async throws {
        try await TestServer.run { server in
            let other = try HTTP2Client(server.address)
            let client = try HTTP2Client(server.address)
            client.send(item.frames)
            switch item.end {
            case .goAway(let code):
                try client.waitForEnd()
                #expect(client.goAways.last?.code == code, "\(client.goAways)")
            case .goAwayAny:
                try client.waitForEnd()
                #expect(client.goAways.last.map { $0.code != 0 } == true, "\(client.goAways)")
            case .close: try client.waitForEnd()
            case .reset(let code):
                #expect(try client.answer().resetCode == code)
                client.send(.call("/test.Test/Echo", stream: 77), .message([5], stream: 77, last: true))
                #expect(try client.answer(77).status == "0")
            case .answer(let status):
                #expect(try client.answer().headers[":status"] == status)
                client.send(.call("/test.Test/Echo", stream: 77), .message([5], stream: 77, last: true))
                #expect(try client.answer(77).status == "0")
            }
            other.send(.call("/test.Test/Echo"), .message([5], last: true))
            #expect(try other.answer().status == "0")
            #expect(try await server.eventually { $0.openStreams == 0 })
        }
    }

    @Test("a preface that is followed by nonsense ends the connection")
    func badPreface() async throws {
        try await TestServer.run { server in
            let client = try HTTP2Client(server.address, greets: false)
            client.send(bytes: Frame.preface + Array("this is not a frame at all, is it?".utf8))
            try client.waitForEnd()
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
            #expect(try client.answer().headers[":status"] == "431")
            client.send(.call("/test.Test/Echo", stream: 3, extra: extra), .message([1], stream: 3, last: true))
            #expect(try client.answer(3).status == "8")
        }
    }

    @Test("streams above the limit are refused and the others served")
    func concurrency() async throws {
        var limits = Server.Limits()
        limits.maxConcurrentStreams = 10
        try await TestServer.run(limits: limits) { server in
            let client = try HTTP2Client(server.address)
            try client.wait { !client.settings.isEmpty }
            client.send(.settingsAck)
            for index in 0..<12 { client.send(.call("/test.Test/Never", stream: UInt32(index * 2 + 1))) }
            #expect(try client.answer(21).resetCode == 7)
            #expect(try await server.eventually { $0.openStreams == 10 })
        }
    }

    @Test("connections above the limit are refused and counted")
    func connections() async throws {
        var limits = Server.Limits()
        limits.maxConnections = 2
        try await TestServer.run(limits: limits) { server in
            let first = try HTTP2Client(server.address)
            let second = try HTTP2Client(server.address)
            try first.wait { !first.settings.isEmpty }
            try second.wait { !second.settings.isEmpty }
            let third = try RawConnection(server.address)
            #expect((try? third.receive())?.isEmpty ?? true)
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
                client.send(.call("/test.Test/Echo", stream: stream), .data([0, 0, 1, 0, 0] + [UInt8](repeating: 1, count: 10_000), stream: stream))
            }
            #expect(try client.answer(39).status == "8")
            #expect(await server.server.statistics().bufferedBytes <= 100_000)
        }
    }
}
