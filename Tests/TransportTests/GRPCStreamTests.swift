import Testing

@testable import Transport

@Suite("Streaming gRPC calls") struct GRPCStreamTests {
    @Test("a chat goes back and forth until the peer ends it")
    func chat() async throws {
        try await TestServer.run { server in
            let client = try HTTP2Client(server.address)
            client.send(.call("/test.Test/Chat"))
            for round in 1...5 {
                client.send(.message([UInt8(round)]))
                try await client.wait { client.answers[1]?.messages.count == round }
            }
            client.send(.data([], last: true))
            let answer = try await client.answer()
            #expect(answer.messages.map(\.bytes) == (1...5).map { [UInt8($0)] })
            #expect(answer.status == "0")
        }
    }

    @Test("messages that share a frame, or are cut across frames, come out whole", arguments: [1, 3, 7, 100_000])
    func framing(piece: Int) async throws {
        try await TestServer.run { server in
            let client = try HTTP2Client(server.address)
            client.send(.call("/test.Test/Chat"))
            let messages = [0, 1, 5, 300, 2].map { [UInt8](repeating: UInt8($0 & 255), count: $0) }
            let stream: [UInt8] = messages.flatMap { message -> [UInt8] in
                [0] + Frame.number(UInt32(message.count)) + message
            }
            for start in stride(from: 0, to: stream.count, by: piece) {
                client.send(.data(Array(stream[start..<min(start + piece, stream.count)])))
            }
            client.send(.data([], last: true))
            #expect(try await client.answer().messages.map(\.bytes) == messages)
        }
    }

    @Test("a sender is held back by the reader's window and goes on when it opens")
    func backPressure() async throws {
        try await TestServer.run { server in
            let client = try HTTP2Client(server.address)
            client.send(.call("/test.Test/Count"), .message("2000".utf8, last: true))
            #expect(try await server.log.contains("paused"))
            try await client.wait { (client.answers[1]?.body.count ?? 0) >= 65_535 }
            #expect(client.answers[1]?.body.count == 65_535)
            client.send(.windowUpdate(0, 1 << 24), .windowUpdate(1, 1 << 24))
            let answer = try await client.answer()
            #expect(answer.messages.count == 2000)
            #expect(answer.status == "0")
        }
    }

    @Test("bytes that nobody gave credit for are not acknowledged")
    func credit() async throws {
        var limits = Server.Limits()
        limits.streamWindow = 100_000
        try await TestServer.run(
            limits: limits,
            configure: { router, log in
                router.stream("/test.Test/Hold") { _ in Holder(log) }
            }
        ) { server in
            let client = try HTTP2Client(server.address)
            try await client.wait { !client.settings.isEmpty }
            client.send(.call("/test.Test/Hold"))
            for _ in 0..<9 { client.send(.message([UInt8](repeating: 1, count: 10_000))) }
            client.send(Frame(kind: Frame.Kind.ping, payload: Array("12345678".utf8)))
            #expect(try await server.log.contains("message"))
            client.send(.call("/test.Test/Echo", stream: 3), .message([1], stream: 3, last: true))
            _ = try await client.answer(3)
            #expect(client.windowUpdates[1] == nil)
            #expect(server.log.all == ["message"])
        }
    }

    @Test("a client stream far larger than the window is summed up")
    func clientStream() async throws {
        var limits = Server.Limits()
        limits.streamWindow = 65_535
        limits.connectionWindow = 65_535
        try await TestServer.run(limits: limits) { server in
            let client = try HTTP2Client(server.address)
            client.send(.call("/test.Test/Sum"))
            var room = 65_535
            var roomOfStream = 65_535
            for index in 0..<100 {
                try await client.wait {
                    room + (client.windowUpdates[0] ?? 0) >= 10_005
                        && roomOfStream + (client.windowUpdates[1] ?? 0) >= 10_005
                }
                client.send(.message([UInt8](repeating: 1, count: 10_000), last: index == 99))
                room -= 10_005
                roomOfStream -= 10_005
            }
            #expect(try await client.answer().messages.map { String(decoding: $0.bytes, as: UTF8.self) } == ["1000000"])
        }
    }

    @Test("cancellation reaches the receiver", arguments: ["Chat", "Count"])
    func cancel(method: String) async throws {
        try await TestServer.run { server in
            let client = try HTTP2Client(server.address)
            client.send(.call("/test.Test/\(method)"), .message("1000000".utf8))
            try await client.wait { (client.answers[1]?.body.count ?? 0) > 0 }
            client.send(.reset(1))
            #expect(try await server.log.contains("\(method.lowercased()) cancelled reset"))
        }
    }

    @Test("a stream that ends inside of a message is refused")
    func cut() async throws {
        try await TestServer.run { server in
            let client = try HTTP2Client(server.address)
            client.send(.call("/test.Test/Chat"), .data([0, 0, 0, 0, 9, 1], last: true))
            #expect(try await client.answer().status == "13")
            #expect(try await server.log.contains("chat cancelled rejected"))
        }
    }

    @Test("an answer before the end of the request asks the peer to stop")
    func earlyAnswer() async throws {
        try await TestServer.run { server in
            let client = try HTTP2Client(server.address)
            client.send(.call("/test.Test/Count"), .message("1".utf8))
            try await client.wait { client.answers[1]?.resetCode != nil }
            #expect(client.answers[1]?.status == "0")
            #expect(client.answers[1]?.resetCode == 0)
        }
    }
}

/// Takes the one message that it has credit for and asks for no more.
private final class Holder: GRPCStreamReceiver {
    private let log: EventLog

    init(_ log: EventLog) { self.log = log }

    func receive(_ message: UnsafeRawBufferPointer) { log.add("message") }

    func end() {}
}
