import NIOCore
import Testing

@testable import Transport

@Suite("Time limits") struct TimeoutTests {
    private static func limits(_ change: (inout Server.Limits) -> Void) -> Server.Limits {
        var limits = Server.Limits()
        change(&limits)
        return limits
    }

    @Test(
        "headers that do not come in time end the connection",
        arguments: ["", "PRI * HTTP/2.0\r\n", "GET / HTTP/1.1\r\nhost:"])
    func slowHeaders(start: String) async throws {
        try await TestServer.run(
            limits: Self.limits {
                $0.headerTimeout = .milliseconds(100); $0.handshakeTimeout = .milliseconds(100)
            }
        ) { server in
            let connection = try RawConnection(server.address)
            connection.send(start)
            let text = try await connection.receiveAll()
            if start.hasPrefix("GET") { #expect(text.hasPrefix("HTTP/1.1 408")) }
            #expect(await server.server.statistics().errors[.slowHeaders] == 1)
        }
    }

    @Test("an HTTP/2 header block that never ends is not waited for")
    func slowContinuation() async throws {
        try await TestServer.run(limits: Self.limits { $0.headerTimeout = .milliseconds(100) }) { server in
            let client = try HTTP2Client(server.address, acknowledges: false)
            client.send(.request("GET", "/", flags: 1))
            try await client.waitForEnd()
            #expect(client.goAways.last?.code == 11)
        }
    }

    @Test("a body that does not come ends its request")
    func slowBody() async throws {
        try await TestServer.run(limits: Self.limits { $0.bodyTimeout = .milliseconds(100) }) { server in
            let client = try HTTP2Client(server.address)
            client.send(.call("/test.Test/Echo"), .data([0, 0]))
            client.send(.request("POST", "/x", stream: 3, flags: 4))
            #expect(try await client.answer(1).status == "4")
            #expect(try await client.answer(3).headers[":status"] == "408")
            let connection = try RawConnection(server.address)
            connection.send("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nabc")
            #expect(try await connection.receiveAll().hasPrefix("HTTP/1.1 408"))
            #expect(await server.server.statistics().errors[.slowBody] == 3)
        }
    }

    @Test("a reader that gives no window loses its stream")
    func zeroWindow() async throws {
        try await TestServer.run(limits: Self.limits { $0.writeTimeout = .milliseconds(100) }) { server in
            let client = try HTTP2Client(server.address, settings: [0, 4, 0, 0, 0, 0])
            client.send(.call("/test.Test/Echo"), .message([1], last: true))
            #expect(try await client.answer().resetCode == 8)
            #expect(await server.server.statistics().errors[.slowReader] == 1)
        }
    }

    @Test("a connection whose bytes nobody reads is closed", arguments: [false, true])
    func stuckSocket(http2: Bool) async throws {
        try await TestServer.run(limits: Self.limits { $0.writeTimeout = .milliseconds(200) }) { server in
            let connection = try RawConnection(server.address)
            if http2 {
                connection.send(Frame.preface + Frame(kind: 4, payload: [0, 4, 0x7f, 0xff, 0xff, 0xff]).bytes)
                connection.send(Frame.windowUpdate(0, 0x7fff_0000 - 65_535).bytes)
                connection.send(Frame.call("/test.Test/Size").bytes + Frame.message("60000000".utf8, last: true).bytes)
            } else {
                for _ in 0..<300 { connection.send("GET /large HTTP/1.1\r\nhost: x\r\n\r\n") }
            }
            #expect(try await server.eventually { $0.connections == 1 && $0.openConnections == 0 })
            #expect(await server.server.statistics().errors[.slowReader] == 1)
        }
    }

    @Test("a peer that does not answer pings is closed")
    func deadPeer() async throws {
        try await TestServer.run(
            limits: Self.limits {
                $0.keepAliveTime = .milliseconds(50); $0.keepAliveTimeout = .milliseconds(50)
            }
        ) { server in
            let client = try HTTP2Client(server.address)
            try await client.waitForEnd()
            #expect(!client.pings.isEmpty)
            #expect(await server.server.statistics().errors[.deadPeer] == 1)
        }
    }

    @Test("a peer that answers pings is kept")
    func livePeer() async throws {
        try await TestServer.run(
            limits: Self.limits {
                $0.keepAliveTime = .milliseconds(20); $0.keepAliveTimeout = .seconds(1)
            }
        ) { server in
            let client = try HTTP2Client(server.address)
            for round in 1...40 {
                try await client.wait { client.pings.count >= round }
                try #require(client.pings.count >= round)
                client.send(Frame(kind: 6, flags: 1, payload: client.pings[round - 1].payload))
            }
            client.send(.call("/test.Test/Echo"), .message([1], last: true))
            #expect(try await client.answer().status == "0")
        }
    }

    @Test("an idle connection is asked to go away")
    func idle() async throws {
        try await TestServer.run(limits: Self.limits { $0.idleTimeout = .milliseconds(50) }) { server in
            let client = try HTTP2Client(server.address)
            try await client.waitForEnd()
            #expect(client.goAways.map(\.code) == [0, 0])
            #expect(client.goAways.map(\.last) == [0x7fff_ffff, 0])
            let connection = try RawConnection(server.address)
            connection.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            #expect(try await connection.receiveAll().hasPrefix("HTTP/1.1 200"))
        }
    }

    @Test("an old connection is asked to go away and its calls finish")
    func age() async throws {
        try await TestServer.run(limits: Self.limits { $0.maxConnectionAge = .milliseconds(50) }) { server in
            let client = try HTTP2Client(server.address)
            client.send(.call("/test.Test/Chat"), .message([1]))
            try await client.wait { client.goAways.count == 1 && client.pings.count >= 1 }
            client.send(Frame(kind: 6, flags: 1, payload: client.pings[0].payload))
            try await client.wait { client.goAways.count == 2 }
            #expect(client.goAways[1].last == 1)
            client.send(.message([2], last: true))
            try await client.waitForEnd()
            #expect(client.answers[1]?.messages.map(\.bytes) == [[1], [2]])
            #expect(client.answers[1]?.status == "0")
        }
    }
}
