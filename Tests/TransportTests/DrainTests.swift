import Glibc
import NIOCore
import NIOPosix
import Testing

@testable import Transport

@Suite("Listening and stopping") struct DrainTests {
    @Test("a drain lets what is in flight finish and takes nothing new")
    func drain() async throws {
        let folder = try TemporaryFolder()
        try await TestServer.run(endpoints: [.unix(path: folder.file("s"))]) { server in
            let client = try HTTP2Client(server.address)
            client.send(.call("/test.Test/Chat"), .message([1]))
            try await client.wait { client.answers[1]?.messages.count == 1 }
            let http1 = try RawConnection(server.address)
            http1.send("GET /later HTTP/1.1\r\nhost: x\r\n\r\n")
            let idle = try RawConnection(server.address)
            idle.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            _ = try await idle.receive(until: "\r\n\r\n")

            let address = server.address
            let drained = Task { await server.server.drain(grace: .seconds(20)) }
            try await client.wait { client.goAways.count == 1 && client.pings.count == 1 }
            #expect(client.goAways[0].last == 0x7fff_ffff)
            // What was on its way when the first GOAWAY was sent is still served.
            client.send(.call("/test.Test/Echo", stream: 3), .message([3], stream: 3, last: true))
            #expect(try await client.answer(3).status == "0")
            client.send(Frame(kind: 6, flags: 1, payload: client.pings[0].payload))
            try await client.wait { client.goAways.count == 2 }
            #expect(client.goAways[1].last == 3)
            client.send(.data([], last: true))
            try await client.waitForEnd()
            #expect(client.answers[1]?.status == "0")
            #expect(try await idle.receiveAll().isEmpty)
            #expect(try await http1.receiveAll().contains("later"))
            await drained.value
            #expect(throws: RawConnection.Closed.self) { _ = try RawConnection(address) }
        }
    }

    @Test("a drain waits for the answer to a ping as long as a busy peer may need, and for no tick of the clock")
    func busyPeer() async throws {
        try await TestServer.run { server in
            let client = try HTTP2Client(server.address)
            client.send(.call("/test.Test/Echo"), .message([1], last: true))
            #expect(try await client.answer().status == "0")
            // The last tick is most of a second ago when the drain begins, and the next is near.
            try await Task.sleep(for: .milliseconds(900))
            let drained = Task { await server.server.drain(grace: .seconds(20)) }
            try await client.wait { client.goAways.count == 1 && client.pings.count == 1 }
            // A peer that gets no time from its machine for a while.
            try await Task.sleep(for: .milliseconds(2_500))
            client.send(.call("/test.Test/Echo", stream: 3), .message([3], stream: 3, last: true))
            client.send(Frame(kind: 6, flags: 1, payload: client.pings[0].payload))
            #expect(try await client.answer(3).status == "0")
            try await client.waitForEnd()
            #expect(client.goAways.map(\.last) == [0x7fff_ffff, 3])
            await drained.value
        }
    }

    @Test("who reads its last answer late has the whole of it", arguments: [150_000, 200_000, 230_000, 260_000, 300_000])
    func lateReader(size: Int) async throws {
        let folder = try TemporaryFolder()
        // A Unix socket takes some two hundred thousand bytes that nobody reads: of the rest the runtime has some left to write.
        try await TestServer.run(endpoints: [.unix(path: folder.file("s"))]) { server in
            let client = try HTTP2Client(server.address, settings: [0, 4] + Frame.number(2 << 20))
            client.send(.windowUpdate(0, 2 << 20), .call("/test.Test/Chat"), .message([1]))
            try await client.wait { client.answers[1]?.messages.count == 1 }
            let drained = Task { await server.server.drain(grace: .seconds(30)) }
            try await client.wait { client.pings.count == 1 }
            client.send(
                .call("/test.Test/Size", stream: 3), .message(Array("\(size)".utf8), stream: 3, last: true),
                .data([], last: true), Frame(kind: 6, flags: 1, payload: client.pings[0].payload))
            try await Task.sleep(for: .milliseconds(2_500))
            try await client.waitForEnd()
            #expect(client.answers[1]?.status == "0")
            #expect(client.answers[3]?.status == "0" && client.answers[3]?.messages.first?.bytes.count == size)
            await drained.value
        }
    }

    @Test("what outlasts the grace is cancelled")
    func cut() async throws {
        try await TestServer.run { server in
            let client = try HTTP2Client(server.address)
            client.send(.call("/test.Test/Never"), .message([], last: true))
            let http1 = try RawConnection(server.address)
            http1.send("GET /never HTTP/1.1\r\nhost: x\r\n\r\n")
            while server.log.all.count < 2 { await Task.yield() }
            await server.server.drain(grace: .milliseconds(50))
            #expect(server.log.all.filter { $0 == "cancelled shutdown" }.count == 2)
            try await client.waitForEnd()
            #expect(client.answers[1]?.status == "14")
        }
    }

    @Test("a Unix socket is served, a stale file replaced, a living one respected, and removed at the end")
    func unixSocket() async throws {
        let folder = try TemporaryFolder()
        let path = folder.file("s")
        // A file that nobody listens on.
        let stale = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        try SocketAddress(unixDomainSocketPath: path).withSockAddr { _ = bind(stale, $0, socklen_t($1)) }
        close(stale)
        try await TestServer.run(endpoints: [.unix(path: path), .tcp(host: "127.0.0.1", port: 0)]) { server in
            let connection = try RawConnection(server.address)
            connection.send("GET /x HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            #expect(try await connection.receiveAll().hasPrefix("HTTP/1.1 200"))
            #expect(server.server.addresses.count == 2)
            let error = await #expect(throws: ServerError.self) {
                _ = try await Server.bind([.unix(path: path)], group: server.group, name: "second") { _, _ in
                    LoopApplication(grpc: GRPCRouter(), http: EchoHandler(EventLog()))
                }
            }
            #expect(error?.description.contains("another process listens") == true)
        }
        #expect(access(path, F_OK) != 0)
    }

    @Test("a port in use is named in the error")
    func portInUse() async throws {
        try await TestServer.run { server in
            let port = server.port
            let error = await #expect(throws: ServerError.self) {
                _ = try await Server.bind([.tcp(host: "127.0.0.1", port: port)], group: server.group, name: "second") {
                    _, _ in
                    LoopApplication(grpc: GRPCRouter(), http: EchoHandler(EventLog()))
                }
            }
            #expect(
                error?.description == "Can't listen on 127.0.0.1:\(port): Address already in use. Stop what listens "
                    + "there, or choose another port.")
        }
    }
}
