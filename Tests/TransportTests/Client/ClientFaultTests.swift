import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import Testing

@testable import Transport

/// Servers that break off, stall, lie or go away.
@Suite("The client and broken servers", .serialized) struct ClientFaultTests {
    private static let ok = ScriptedServer.text("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
    private static let request = ScriptedServer.Step.await("\r\n\r\n")

    private func http1(
        _ scripts: [[ScriptedServer.Step]], limits: ClientLimits = ClientLimits(),
        _ body: (TestClient, ScriptedServer) async throws -> Void
    ) async throws {
        try await ScriptedServer.run(scripts) { server in
            try await TestClient.run(ClientTarget(server.target, wire: .http1), limits: limits) { try await body($0, server) }
        }
    }

    @Test("a response that ends too early is an error, however the connection ends", arguments: [
        "", "HTTP/1.1 200 O", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhel",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n",
    ])
    func half(text: String) async throws {
        for end in [ScriptedServer.Step.close, .reset] {
            try await http1([[Self.request, ScriptedServer.text(text), end]]) { (client, _) async throws in
                let error = await client.send("GET", "/").failure
                #expect(error?.kind == .closed && error?.mayHaveBeenSeen == true, "\(String(describing: error))")
                #expect(try await eventually { try await client.openConnections == 0 })
            }
        }
    }

    @Test("a WebSocket that was not asked for, or is proved wrongly, is refused", arguments: [
        ("", "", true), ("upgrade: h2c\r\n", "", true), ("upgrade: websocket\r\n", "sec-websocket-accept: wrong\r\n", true),
        ("upgrade: websocket\r\ncontent-length: 5\r\n", "", true), ("upgrade: websocket\r\n", "", false),
    ])
    func wrongUpgrade(fields: String, proof: String, asks: Bool) async throws {
        let text = ScriptedServer.text("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\n\(fields)\(proof)\r\nhello")
        try await http1([[Self.request, text]]) { (client, _) async throws in
            let error = asks ? await client.webSocket("/", parts: [[1]]).failure : await client.send("GET", "/").failure
            #expect(error?.kind == .malformed && error?.mayHaveBeenSeen == true, "\(String(describing: error))")
            #expect(try await eventually { try await client.openConnections == 0 })
        }
    }

    @Test("a WebSocket's key is the caller's, whose proof is not judged, or of our own")
    func key() async throws {
        let head = "HTTP/1.1 101 x\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: theirs\r\n\r\nhello"
        try await http1([[.await("sec-websocket-key: mine\r\n"), Self.request, ScriptedServer.text(head), .close]]) { (client, _) async throws in
            let answer = try await client.webSocket("/", headers: [("sec-websocket-key", "mine")], parts: [[1, 2, 3, 4, 5, 6]]).get()
            #expect(answer.status == 101 && answer.text == "hello" && answer.headers["sec-websocket-accept"] == "theirs")
        }
        // RFC 6455 §1.3.
        #expect(WebSocketHandshake.accept("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
        #expect(WebSocketHandshake.newKey() != WebSocketHandshake.newKey() && WebSocketHandshake.newKey().count == 24)
    }

    @Test("a server of HTTP/2 whose settings know no WebSockets is not asked for one")
    func noWebSockets() async throws {
        let settings: [UInt8] = [0, 0, 0, 4, 0, 0, 0, 0, 0]
        try await ScriptedServer.run([[.await("PRI * HTTP/2.0"), .send(settings)]]) { server in
            try await TestClient.run(ClientTarget(server.target, wire: .http2)) { client in
                let error = await client.webSocket("/", parts: [[1]]).failure
                #expect(error?.kind == .unsupported && error?.mayHaveBeenSeen == false, "\(String(describing: error))")
            }
        }
    }

    @Test("what is not HTTP is refused, and says so")
    func garbage() async throws {
        try await http1([[Self.request, ScriptedServer.text("220 mail.example ESMTP\r\n")]]) { (client, _) async throws in
            let error = await client.send("GET", "/").failure
            #expect(error?.kind == .malformed && error?.description.contains("status line") == true)
        }
    }

    @Test("an idempotent request goes to a new connection when the old one was closed while idle; another does not", arguments: [
        ("GET", true), ("PUT", true), ("DELETE", true), ("POST", false),
    ])
    func stale(method: String, isRepeated: Bool) async throws {
        // The first connection answers once and breaks when it is used again.
        try await http1([[Self.request, Self.ok, Self.request, .close], [Self.request, Self.ok]]) { (client, server) async throws in
            #expect(try await client.send("GET", "/").get().text == "ok")
            let second = await client.send(method, "/", body: method == "PUT" ? [1] : nil)
            #expect((try? second.get().text) == (isRepeated ? "ok" : nil))
            #expect(server.connections.withLockedValue { $0 } == (isRepeated ? 2 : 1))
            #expect(client.lost.withLockedValue { $0 } == 1)
        }
    }

    @Test("a first request is not sent twice when its connection breaks")
    func fresh() async throws {
        try await http1([[Self.request, .close]]) { (client, server) async throws in
            #expect(await client.send("GET", "/").failure?.kind == .closed)
            #expect(server.connections.withLockedValue { $0 } == 1)
        }
    }

    @Test("bytes that nobody asked for close the connection")
    func unsolicited() async throws {
        let two = ScriptedServer.text("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil")
        try await http1([[Self.request, two], [Self.request, Self.ok]]) { (client, server) async throws in
            #expect(try await client.send("GET", "/").get().text == "ok")
            #expect(try await client.send("GET", "/").get().text == "ok")
            #expect(server.connections.withLockedValue { $0 } == 2)
        }
    }

    @Test("a response that stops in the middle ends with the read timeout")
    func stalled() async throws {
        var limits = ClientLimits()
        limits.readTimeout = .milliseconds(100)
        try await http1([[Self.request, ScriptedServer.text("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhe")]], limits: limits) {
            (client, _) async throws in
            let error = await client.send("GET", "/", timeout: nil).failure
            #expect(error?.kind == .timeout && error?.description.contains("does not go on") == true)
        }
    }

    @Test("idle connections are closed")
    func idle() async throws {
        var limits = ClientLimits()
        limits.idleTimeout = .milliseconds(50)
        try await http1([[Self.request, Self.ok]], limits: limits) { (client, _) async throws in
            #expect(try await client.send("GET", "/").get().text == "ok")
            #expect(try await eventually { try await client.openConnections == 0 })
            #expect(client.lost.withLockedValue { $0 } == 0)
        }
    }

    @Test("an answer before the request is complete stands, and the connection is not used again")
    func early() async throws {
        try await http1([[.await("\r\n\r\n"), Self.ok], [Self.request, Self.ok]]) { (client, server) async throws in
            let promise = client.eventLoop.makePromise(of: Int.self)
            try await client.on { client in
                let request = HTTPClientRequest(streaming: "POST", target: "/")
                client.send(request) { promise.completeWith($0.map(\.status).mapError { $0 as any Error }) }
                request.write(ByteBuffer(string: "a"))
            }
            #expect(try await promise.futureResult.get() == 200)
            #expect(try await client.send("GET", "/").get().text == "ok")
            #expect(server.connections.withLockedValue { $0 } == 2)
        }
    }

    @Test("nobody there: the error says who and why", arguments: [ClientTarget.Wire.http1, .http2])
    func unreachable(wire: ClientTarget.Wire) async throws {
        let reserved = try ReservedPort()
        let port = reserved.port
        defer { withExtendedLifetime(reserved) {} }
        try await TestClient.run(ClientTarget(.tcp(host: "127.0.0.1", port: port), wire: wire)) { (client) async throws in
            for _ in 0..<3 {
                let error = await client.send("GET", "/").failure
                #expect(error?.description == "the server at 127.0.0.1:\(port) can't be reached: Connection refused.")
                #expect(error?.kind == .unreachable && error?.mayHaveBeenSeen == false)
            }
        }
        try await TestClient.run(ClientTarget(.unix(path: "/tmp/octavo-no-such.sock"), wire: wire)) { (client) async throws in
            let error = await client.send("GET", "/").failure
            #expect(error?.description.contains("unix:/tmp/octavo-no-such.sock can't be reached: No such file") == true)
        }
    }

    @Test("more than may wait is refused at once")
    func overloaded() async throws {
        var limits = ClientLimits()
        limits.maxConnections = 1
        limits.maxWaiting = 3
        try await http1([[Self.request]], limits: limits) { (client, _) async throws in
            let kinds = await withTaskGroup(of: ClientError.Kind?.self) { group in
                for _ in 0..<10 { group.addTask { await client.send("GET", "/", timeout: .milliseconds(300)).failure?.kind } }
                return await group.reduce(into: [ClientError.Kind?]()) { $0.append($1) }
            }
            #expect(kinds.count { $0 == .timeout } + kinds.count { $0 == .overloaded } == 10)
            #expect(kinds.count { $0 == .overloaded } >= 6)
        }
    }

    // MARK: HTTP/2

    private func http2(
        _ scripts: [[ScriptedServer.Step]], limits: ClientLimits = ClientLimits(),
        _ body: (TestClient, ScriptedServer) async throws -> Void
    ) async throws {
        try await ScriptedServer.run(scripts) { server in
            try await TestClient.run(ClientTarget(server.target, wire: .http2), limits: limits) { try await body($0, server) }
        }
    }

    private static func frames(_ frames: Frame...) -> ScriptedServer.Step { .send(frames.flatMap(\.bytes)) }
    private static let greeting = ScriptedServer.Step.await("SM\r\n\r\n")
    private static let shortHead = Frame.block([(":status", "200"), ("content-length", "1")])
    private static func pings(_ count: Int) -> [UInt8] {
        Array(repeatElement(Frame(kind: 6, payload: Array(repeating: 1, count: 8)).bytes, count: count).joined())
    }
    private static let head = Frame(kind: Frame.Kind.headers, flags: 4, stream: 1, payload: Frame.block([(":status", "200")]))

    @Test("of a server that is to speak first and does not nobody says that it may have seen a request", arguments: [
        ([ScriptedServer.Step.close], "the connection was closed at once"), ([.await("SM\r\n\r\n"), .close], "the connection was closed at once"),
        ([.await("never")], "it takes connections and says nothing"),
    ])
    func ungreeted(steps: [ScriptedServer.Step], words: String) async throws {
        var limits = ClientLimits()
        limits.connectTimeout = .milliseconds(300)
        try await ScriptedServer.run([steps]) { server in
            try await TestClient.run(ClientTarget(server.target, wire: .http2, awaitsGreeting: true), limits: limits) { client in
                let error = await client.send("POST", "/", timeout: .seconds(20)).failure
                #expect(error?.kind == .unreachable && error?.mayHaveBeenSeen == false, "\(String(describing: error))")
                #expect(error?.description.contains(words) == true, "\(String(describing: error))")
            }
        }
    }

    @Test("hostile frames end what is in flight, with a reason", arguments: [
        ("a server of HTTP/1.1", [ScriptedServer.text("HTTP/1.1 400 Bad\r\n\r\n")]),
        ("data on an idle stream", [frames(.settings, .data([1], stream: 5))]),
        ("a frame above the size limit", [frames(.settings, .data([UInt8](repeating: 0, count: 20_000)))]),
        ("settings of a wrong length", [frames(Frame(kind: 4, payload: [1]))]),
        ("a head without a status", [frames(.settings, Frame(kind: 1, flags: 4, stream: 1, payload: Frame.block([("a", "b")])))]),
        ("data before the head", [frames(.settings, .data([1, 2, 3]))]),
        ("a field name in upper case",
         [frames(.settings, Frame(kind: 1, flags: 5, stream: 1, payload: Frame.block([(":status", "200"), ("A", "b")])))]),
        ("a broken header block", [frames(.settings, Frame(kind: 1, flags: 4, stream: 1, payload: [0xff, 0xff, 0xff]))]),
        ("a flood of pings", [.send(Frame.settings.bytes + pings(10_100))]),
        ("the end inside of a body", [frames(.settings, head, .data([1])), .close]),
        ("a reset", [frames(.settings, head, .reset(1))]),
        ("more body than announced",
         [frames(.settings, Frame(kind: 1, flags: 4, stream: 1, payload: shortHead), .data([1, 2], last: true))]),
        ("the end at once", [.close]),
    ] as [(String, [ScriptedServer.Step])])
    func hostile(name: String, steps: [ScriptedServer.Step]) async throws {
        try await http2([[Self.greeting] + steps]) { (client, _) async throws in
            let error = await client.send("GET", "/", timeout: .seconds(30)).failure
            #expect(error != nil && error?.kind != .timeout, "\(name): \(String(describing: error))")
        }
        try await http2([[Self.greeting] + steps]) { (client, _) async throws in
            let reply = await client.unary("/a.B/C", [1], timeout: .seconds(30))
            #expect(reply.status.code != .ok && reply.status.code != .deadlineExceeded, "\(name): \(reply.status)")
        }
    }

    @Test("a response head above the limits is refused")
    func largeHead() async throws {
        var limits = ClientLimits()
        limits.maxHeaderBytes = 1000
        let fields = [(":status", "200")] + (0..<20).map { ("x-\($0)", String(repeating: "a", count: 100)) }
        let head = Frame(kind: Frame.Kind.headers, flags: 4, stream: 1, payload: Frame.block(fields))
        try await http2([[Self.greeting, Self.frames(.settings, head)]], limits: limits) { (client, _) async throws in
            #expect(await client.send("GET", "/").failure?.kind == .tooLarge)
        }
    }

    @Test("a refused stream is sent again, also a POST: it was certainly not begun with")
    func refusedStream() async throws {
        func answer(_ stream: UInt32) -> Frame {
            Frame(kind: Frame.Kind.headers, flags: 5, stream: stream, payload: Frame.block([(":status", "204")]))
        }
        let goAway = Frame(kind: Frame.Kind.goAway, payload: [0, 0, 0, 0] + Frame.number(0))
        let body = ScriptedServer.Step.await("the body")
        let cases: [([[ScriptedServer.Step]], Int)] = [
            ([[body, Self.frames(.settings, .reset(1, code: 7)), body, Self.frames(answer(3))]], 1),
            ([[body, Self.frames(.settings, goAway), .close], [body, Self.frames(.settings, answer(1))]], 2),
        ]
        for (scripts, connections) in cases {
            try await http2(scripts) { (client, server) async throws in
                #expect(try await client.send("POST", "/", body: Array("the body".utf8)).get().status == 204)
                #expect(server.connections.withLockedValue { $0 } == connections)
            }
        }
    }

    @Test("what was begun just before the server's GOAWAY was read goes to the next connection, also a body in parts")
    func begunBeforeGoAway() async throws {
        func answer(_ status: String) -> Frame {
            Frame(kind: Frame.Kind.headers, flags: 5, stream: 1, payload: Frame.block([(":status", status)]))
        }
        // As a server sends it that drains: the first of two, which refuses nothing that is on its way.
        let goAway = Frame(kind: Frame.Kind.goAway, payload: Frame.number(0x7fff_ffff) + Frame.number(0))
        try await http2([
            // In one piece: the answer, in which the client begins its next request, and GOAWAY, before that has gone out.
            [.await("before"), Self.frames(.settings, answer("200"), goAway)],
            [Self.greeting, .await("the first"), .await("the second"), Self.frames(.settings, answer("201"))],
        ]) { (client, server) async throws in
            let parts = ["the first", "the second"].map { Array($0.utf8) }
            #expect(try await client.stream("POST", "/", parts: parts, after: "before").result.get().status == 201)
            #expect(server.connections.withLockedValue { $0 } == 2)
        }
    }

    @Test("of a body in parts that nobody has taken after all its owner has everything back")
    func givenBack() async throws {
        let answer = Frame(kind: Frame.Kind.headers, flags: 5, stream: 1, payload: Frame.block([(":status", "200")]))
        let goAway = Frame(kind: Frame.Kind.goAway, payload: Frame.number(0x7fff_ffff) + Frame.number(0))
        let scripts: [[ScriptedServer.Step]] = [
            [Self.frames(.settings), .await("before"), Self.frames(answer, goAway)],
            [.close],
        ]
        try await ScriptedServer.run(scripts) { server in
            try await TestClient.run(ClientTarget(server.target, wire: .http2, awaitsGreeting: true)) { client in
                let parts = ["the first,", "the second"].map { Array($0.utf8) }
                let (result, given) = await client.stream("POST", "/", parts: parts, after: "before")
                #expect(result.failure?.kind == .unreachable && result.failure?.mayHaveBeenSeen == false, "\(result)")
                #expect(given.map { String(decoding: $0, as: UTF8.self) } == "the first,the second")
            }
        }
        // What has gone out in part is not there any more.
        try await http2([[.await("before"), Self.frames(.settings, answer), .await("the second"), Self.frames(.reset(3))], [.close]]) {
            (client, _) async throws in
            let (result, given) = await client.stream("POST", "/", parts: [Array("the second".utf8)], after: "before")
            #expect(result.failure != nil && given == nil)
        }
    }

    @Test("a push that nobody has allowed harms nothing")
    func push() async throws {
        let push = Frame(kind: 5, flags: 4, stream: 1, payload: [0, 0, 0, 2] + Frame.block([(":path", "/"), (":status", "500")]))
        let answer = Frame(kind: Frame.Kind.headers, flags: 5, stream: 1, payload: Frame.block([(":status", "204")]))
        try await http2([[Self.greeting, Self.frames(.settings, push, answer)]]) { (client, _) async throws in
            #expect(try await client.send("GET", "/").get().status == 204)
        }
    }

    @Test("a dead peer is found by a ping")
    func deadPeer() async throws {
        var limits = ClientLimits()
        limits.keepAliveTime = .milliseconds(50)
        limits.keepAliveTimeout = .milliseconds(50)
        try await http2([[Self.greeting, Self.frames(.settings)]], limits: limits) { (client, _) async throws in
            let error = await client.send("GET", "/", timeout: nil).failure
            #expect(error?.kind == .closed)
        }
    }

    @Test("a server that goes away under load loses no call: GOAWAY in two steps, and the next one takes over")
    func goAwayUnderLoad() async throws {
        let folder = try TemporaryFolder()
        let endpoint = Server.Endpoint.unix(path: folder.file("s"))
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        func start() async throws -> Server {
            try await Server.bind([endpoint], group: group, name: "test") { _, _ in
                let router = GRPCRouter()
                router.unary("/test.Test/Echo") { call, message in
                    let copy = Array(message)
                    let call = NIOLoopBound(call, eventLoop: call.eventLoop)
                    call.eventLoop.scheduleTask(in: .milliseconds(1)) { copy.withUnsafeBytes { call.value.reply($0) } }
                }
                return LoopApplication(grpc: router, http: EchoHandler(EventLog()))
            }
        }
        let server = NIOLockedValueBox(try await start())
        try await TestClient.run(ClientTarget(endpoint, wire: .http2)) { (client) async throws in
            let lost = try await withThrowingTaskGroup(of: Int.self) { tasks in
                for _ in 0..<16 {
                    tasks.addTask {
                        var lost = 0
                        for index in 0..<100 {
                            let reply = await client.unary("/test.Test/Echo", [UInt8(index)])
                            // Between two servers nobody is there: such a call has certainly not begun.
                            if reply.status != .ok, reply.mayHaveBeenSeen { lost += 1 }
                            if reply.status == .ok { #expect(reply.message == [UInt8(index)]) }
                            if reply.status != .ok { try await Task.sleep(for: .milliseconds(1)) }
                        }
                        return lost
                    }
                }
                tasks.addTask {
                    for _ in 0..<5 {
                        try await Task.sleep(for: .milliseconds(20))
                        await server.withLockedValue { $0 }.drain(grace: .seconds(5))
                        let next = try await start()
                        server.withLockedValue { $0 = next }
                    }
                    return 0
                }
                return try await tasks.reduce(0, +)
            }
            #expect(lost == 0)
            #expect(client.lost.withLockedValue { $0 } >= 5)
        }
        await server.withLockedValue { $0 }.drain(grace: .zero)
        try await group.shutdownGracefully()
    }

    // MARK: TLS

    @Test("a server is taken for what it says only with a certificate that says so")
    func trust() async throws {
        let folder = try TemporaryFolder()
        let files = try await Certificate(folder)
        let context = try TLSServerContext(certificate: files.certificate, key: files.key)
        let cases: [(TLSClientContext.Trust, String, String?)] = [
            (.everybody, "other.example", nil),
            (.authorities(file: files.certificate), "localhost", nil),
            (.authorities(file: files.certificate), "127.0.0.1", nil),
            (.authorities(file: files.certificate), "other.example", "ostname mismatch"),
            (.authorities(file: files.certificate), "127.0.0.2", "IP address mismatch"),
            (.system, "localhost", "self"),
        ]
        for (trust, host, cause) in cases {
            for wire in [ClientTarget.Wire.http1, .http2] {
                try await TestServer.run(tls: context) { server in
                    let tls = try TLSClientContext(trust: trust, offer: wire == .http2 ? .http2 : .http1)
                    let target = ClientTarget(.tcp(host: "127.0.0.1", port: server.port), wire: wire, tls: tls, host: host)
                    try await TestClient.run(target) { (client) async throws in
                        let result = await client.send("GET", "/")
                        if let cause {
                            #expect(result.failure?.kind == .unreachable)
                            #expect(result.failure?.description.contains(cause) == true, "\(result)")
                        } else {
                            #expect(try result.get().status == 200)
                        }
                    }
                }
            }
        }
    }

    @Test("authorities that can't be read are named")
    func noAuthorities() async throws {
        let error = #expect(throws: TLSError.self) { try TLSClientContext(trust: .authorities(file: "/no/ca.pem"), offer: .http2) }
        #expect(error?.description == "Can't read the TLS authorities /no/ca.pem: No such file or directory.")
    }

    @Test("a server without TLS, or of something else, is not reached")
    func noTLS() async throws {
        let tls = try TLSClientContext(trust: .everybody, offer: .http2)
        for steps in [[ScriptedServer.text("HTTP/1.1 400 Bad\r\n\r\n")], [.close]] as [[ScriptedServer.Step]] {
            try await ScriptedServer.run([steps]) { server in
                try await TestClient.run(ClientTarget(server.target, wire: .http2, tls: tls)) { (client) async throws in
                    #expect(await client.send("GET", "/").failure?.kind == .unreachable)
                }
            }
        }
    }
}
