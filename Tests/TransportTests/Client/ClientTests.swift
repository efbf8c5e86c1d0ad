import NIOConcurrencyHelpers
import NIOCore
import Testing

@testable import Transport

/// The client against the server beside it, over every way that both know.
@Suite("The client", .serialized) struct ClientTests {
    enum Way: String, CaseIterable, Sendable, CustomStringConvertible {
        case http1, http2, http1TLS, http2TLS, negotiated, http1Unix, http2Unix
        var description: String { rawValue }
        var isHTTP2: Bool { self != .http1 && self != .http1TLS && self != .http1Unix }
        var isTLS: Bool { self == .http1TLS || self == .http2TLS || self == .negotiated }
        var isUnix: Bool { self == .http1Unix || self == .http2Unix }
        static var grpc: [Way] { allCases.filter(\.isHTTP2) }
    }

    private func run(
        _ way: Way, limits: ClientLimits = ClientLimits(), server: Server.Limits = Server.Limits(),
        _ body: @Sendable (TestClient, TestServer) async throws -> Void
    ) async throws {
        let folder = try TemporaryFolder()
        var tls: TLSServerContext?
        if way.isTLS {
            let files = try await Certificate(folder)
            tls = try TLSServerContext(certificate: files.certificate, key: files.key)
        }
        let endpoint: Server.Endpoint = way.isUnix ? .unix(path: folder.file("s")) : .tcp(host: "127.0.0.1", port: 0)
        try await TestServer.run(limits: server, tls: tls, endpoints: [endpoint]) { server in
            let wire: ClientTarget.Wire = way == .negotiated ? .negotiated : way.isHTTP2 ? .http2 : .http1
            let offer: TLSClientContext.Offer = way == .negotiated ? .http2OrHTTP1 : way.isHTTP2 ? .http2 : .http1
            let client = ClientTarget(
                way.isUnix ? endpoint : .tcp(host: "127.0.0.1", port: server.port), wire: wire,
                tls: way.isTLS
                    ? try TLSClientContext(trust: .authorities(file: folder.file("cert.pem")), offer: offer) : nil)
            try await TestClient.run(client, limits: limits) { try await body($0, server) }
        }
    }

    @Test("sends and receives whole bodies", arguments: Way.allCases)
    func whole(way: Way) async throws {
        try await run(way) { (client, _) async throws in
            let hello = try await client.send("GET", "/x?y=%20", headers: [("X-Own", "1")]).get()
            #expect(hello.status == 200 && hello.headers["x-target"] == "/x?y=%20" && hello.headers["x-method"] == "GET")
            let body = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
            let large = try await client.send("POST", "/x", body: body).get()
            #expect(large.body == body)
            let small = try await client.send("PUT", "/x", body: [1, 2, 3]).get()
            #expect(small.body == [1, 2, 3])
            let head = try await client.send("HEAD", "/large").get()
            #expect(head.status == 200 && head.headers["content-length"] == "300000" && head.body.isEmpty)
            let parts = try await client.send("GET", "/parts").get()
            #expect(parts.text == "one,two")
            #expect(try await client.openConnections == 1)
            #expect(client.lost.withLockedValue { $0 } == 0)
        }
    }

    @Test("streams both ways at once, with no more in between than the windows hold", arguments: Way.allCases)
    func streams(way: Way) async throws {
        try await run(way) { (client, _) async throws in
            let parts = (0..<40).map { [UInt8](repeating: UInt8($0), count: 50_000) }
            let answer = try await client.stream("POST", "/stream", parts: parts).get()
            #expect(answer.body == Array(parts.joined()))
            let known = try await client.stream("POST", "/stream", parts: [[1], [2, 3]], contentLength: 3).get()
            #expect(known.body == [1, 2, 3])
        }
    }

    @Test("sends many requests at a time, over few connections", arguments: Way.allCases)
    func many(way: Way) async throws {
        var limits = ClientLimits()
        limits.maxConnections = 4
        try await run(way, limits: limits) { (client, _) async throws in
            let good = await withTaskGroup(of: Bool.self) { group in
                for index in 0..<200 {
                    group.addTask {
                        let body = Array("\(index)".utf8)
                        return (try? await client.send("POST", "/x", body: body).get().body) == body
                    }
                }
                return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(good == 200)
            #expect(try await client.openConnections <= (way.isHTTP2 ? 1 : 4))
        }
    }

    @Test("opens WebSockets, more than there may be connections, and has others answered beside them", arguments: Way.allCases)
    func webSockets(way: Way) async throws {
        var limits = ClientLimits()
        limits.maxConnections = 2
        try await run(way, limits: limits) { (client, server) async throws in
            let parts = (0..<40).map { [UInt8](repeating: UInt8($0), count: 50_000) }
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<5 {
                    group.addTask {
                        let answer = await client.webSocket("/socket", parts: parts)
                        let got = try? answer.get()
                        #expect(got?.status == 101 && got?.body == parts.flatMap { $0 } && got?.headers["x-kind"] == "echo", "\(answer.failure as Any)")
                    }
                }
                group.addTask { #expect((try? await client.send("GET", "/x").get())?.status == 200) }
            }
            let none = try await client.webSocket("/socket-none", parts: [[1]]).get()
            #expect(none.status == 200 && none.text == "none" && none.headers["octavo-status"] == nil)
            // Over HTTP/1.1 the offer is passed over, over HTTP/2 there is nothing else in it.
            let other = try await client.webSocket("/x", parts: [[1]]).get()
            #expect(other.status == (way.isHTTP2 ? 501 : 200))
            #expect(try await server.eventually { $0.openStreams == 0 })
            #expect(try await client.send("GET", "/x").get().status == 200)
        }
    }

    @Test("gives up in time at a deadline that is many ticks of the clock away", arguments: Way.allCases)
    func farDeadline(way: Way) async throws {
        var limits = ClientLimits()
        limits.idleTimeout = .milliseconds(80)
        #expect(limits.tickPeriod == .milliseconds(20))
        try await run(way, limits: limits) { (client, _) async throws in
            let began = ContinuousClock.now
            let error = await client.send("GET", "/never", timeout: .milliseconds(400)).failure
            let took = ContinuousClock.now - began
            #expect(error?.kind == .timeout && error?.mayHaveBeenSeen == true)
            #expect(took >= .milliseconds(395) && took < .seconds(5), "\(took)")
        }
    }

    @Test("gives up at the deadline, and tells the server", arguments: Way.allCases)
    func deadline(way: Way) async throws {
        try await run(way) { (client, server) async throws in
            let error = await client.send("GET", "/never", timeout: .milliseconds(50)).failure
            #expect(error?.kind == .timeout && error?.mayHaveBeenSeen == true)
            #expect(error?.description.contains("did not answer within 50 ms") == true)
            // Over HTTP/1.1 an end alone does not say that nobody waits for the answer.
            if way.isHTTP2 || way.isUnix { #expect(try await server.eventually { $0.openStreams == 0 }) }
            #expect(try await client.send("GET", "/x").get().status == 200)
        }
    }

    @Test("refuses a body above its limit", arguments: [Way.http1, .http2])
    func tooLarge(way: Way) async throws {
        var limits = ClientLimits()
        limits.maxResponseSize = 100_000
        try await run(way, limits: limits) { (client, _) async throws in
            for target in ["/large", "/stream"] {
                let result = await client.send("POST", target, body: [UInt8](repeating: 1, count: 200_000))
                #expect(result.failure?.kind == .tooLarge)
            }
            #expect(try await client.send("GET", "/x").get().status == 200)
        }
    }

    @Test("refuses a body that is not as long as it says", arguments: [[[UInt8](repeating: 1, count: 4)], [[1]]])
    func wrongLength(parts: [[UInt8]]) async throws {
        try await run(.http1) { (client, _) async throws in
            let error = await client.stream("POST", "/stream", parts: parts, contentLength: 3).failure
            #expect(error?.kind == .malformed)
        }
    }

    @Test("no field, method or target can end its line", arguments: [Way.http1, .http2])
    func injection(way: Way) async throws {
        try await run(way) { (client, _) async throws in
            let answer = try await client.send("GET", "/a b\r\nx: y", headers: [("x-a", "1\r\nx-b: 2"), ("bad name", "x")]).get()
            #expect(answer.status == 200 && answer.headers["x-target"] == "/a%20b%0D%0Ax:%20y")
        }
    }

    // MARK: gRPC

    @Test("makes unary calls", arguments: Way.grpc)
    func unary(way: Way) async throws {
        try await run(way) { (client, _) async throws in
            for size in [0, 1, 100, 70_000, 400_000] {
                let message = [UInt8](repeating: 9, count: size)
                let reply = await client.unary("/test.Test/Echo", message)
                #expect(reply.status == .ok && reply.message == message)
            }
            let later = await client.unary("/test.Test/Later", [1, 2])
            #expect(later.message == [1, 2])
        }
    }

    @Test("tells status, text and details as the server said them")
    func status() async throws {
        try await run(.http2) { (client, _) async throws in
            let failed = await client.unary("/test.Test/Fail", [])
            #expect(failed.status == GRPCStatus(.failedPrecondition, "Grün ist 100 %\n.", details: [1, 2, 3]))
            let unknown = await client.unary("/test.Test/Absent", [])
            #expect(unknown.status.code == .unimplemented)
        }
    }

    @Test("ends a call at its deadline, and the server knows of it")
    func callDeadline() async throws {
        try await run(.http2) { (client, server) async throws in
            let reply = await client.unary("/test.Test/Never", [1], timeout: .milliseconds(100))
            #expect(reply.status.code == .deadlineExceeded)
            #expect(try await server.log.contains("started"))
            #expect(try await server.eventually { $0.openStreams == 0 })
        }
    }

    @Test("unpacks gzip, and refuses more than its limit")
    func gzip() async throws {
        var limits = ClientLimits()
        limits.maxResponseSize = 100_000
        try await run(.http2, limits: limits) { (client, _) async throws in
            let good = await client.unary("/test.Test/Size", Array("90000".utf8))
            #expect(good.status == .ok && good.message == [UInt8](repeating: 0x61, count: 90_000))
            let bomb = await client.unary("/test.Test/Size", Array("3000000".utf8))
            #expect(bomb.status.code == .resourceExhausted)
        }
    }

    @Test("chats: each message is answered before the next is sent")
    func chat() async throws {
        try await run(.http2) { (client, _) async throws in
            let received = try await StreamCollector.run(client, "/test.Test/Chat") { call, count in
                if count < 100 { [UInt8(count)].withUnsafeBytes { _ = call.send($0) } } else { call.finishSending() }
            }
            #expect(received.messages.count == 100 && received.status == .ok)
        }
    }

    @Test("holds a server back that sends faster than its messages are taken")
    func credit() async throws {
        try await run(.http2) { (client, server) async throws in
            let received = try await StreamCollector.run(client, "/test.Test/Count", takesLater: true) { call, count in
                guard count == 0 else { return }
                Array("8000".utf8).withUnsafeBytes { _ = call.send($0) }
                call.finishSending()
            }
            #expect(received.messages.count == 8_000 && received.status == .ok)
            #expect(try await server.log.contains("paused"))
        }
    }

    @Test("a cancelled call calls nothing any more, and the server knows")
    func cancelled() async throws {
        try await run(.http2) { (client, server) async throws in
            let receiver = try await client.on { client in
                let receiver = NIOLoopBound(StreamCollector(takesLater: false) { _, _ in }, eventLoop: client.loop.eventLoop)
                let call = GRPCClientCall(streaming: "/test.Test/Chat", receiver: receiver.value)
                receiver.value.call = call
                client.start(call)
                [1].withUnsafeBytes { _ = call.send($0) }
                return receiver
            }
            #expect(try await eventually { try await client.on { _ in receiver.value.received.messages.count } == 1 })
            try await client.on { _ in receiver.value.call?.cancel() }
            #expect(try await server.log.contains("chat cancelled reset"))
            // A call that is cancelled before its head is out leaves nothing behind either.
            try await client.on { client in
                let call = GRPCClientCall(streaming: "/test.Test/Chat", receiver: receiver.value)
                client.start(call)
                call.cancel()
            }
            #expect(await client.unary("/test.Test/Echo", [1]).status == .ok)
            #expect(try await client.on { _ in receiver.value.received.status } == nil)
            #expect(try await server.eventually { $0.openStreams == 0 })
        }
    }

    @Test("says that gRPC needs HTTP/2")
    func wrongWire() async throws {
        try await run(.http1) { (client, _) async throws in
            let reply = await client.unary("/test.Test/Echo", [])
            #expect(reply.status.code == .internal && reply.status.message.contains("gRPC needs HTTP/2"))
            #expect(!reply.mayHaveBeenSeen)
        }
    }
}

extension Result {
    var failure: Failure? { if case .failure(let error) = self { error } else { nil } }
}

/// A certificate for localhost and 127.0.0.1 that signs itself.
struct Certificate {
    let certificate: String
    let key: String

    init(_ folder: TemporaryFolder, names: String = "DNS:localhost,IP:127.0.0.1") async throws {
        certificate = folder.file("cert.pem")
        key = folder.file("key.pem")
        let made = try await Command.run(
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
            "/CN=localhost", "-addext", "subjectAltName=" + names, "-keyout", key, "-out", certificate)
        #expect(made.status == 0, "\(made.output)")
    }
}

/// Takes what a streaming call brings.
final class StreamCollector: GRPCClientReceiver {
    struct Received: Sendable {
        var messages: [[UInt8]] = []
        var status: GRPCStatus?
    }

    var call: GRPCClientCall?
    private(set) var received = Received()
    var done: ((Received) -> Void)?
    private let next: (GRPCClientCall, Int) -> Void
    private let takesLater: Bool

    init(takesLater: Bool, _ next: @escaping (GRPCClientCall, Int) -> Void) {
        self.takesLater = takesLater
        self.next = next
    }

    /// Starts a call; `next` is called with the number of messages received, 0 at first.
    static func run(
        _ client: TestClient, _ path: String, takesLater: Bool = false,
        _ next: @escaping @Sendable (GRPCClientCall, Int) -> Void
    ) async throws -> Received {
        let promise = client.eventLoop.makePromise(of: Received.self)
        try await client.on { client in
            let this = StreamCollector(takesLater: takesLater, next)
            let call = GRPCClientCall(streaming: path, timeout: .seconds(20), receiver: this)
            this.call = call
            this.done = { promise.succeed($0) }
            client.start(call)
            next(call, 0)
        }
        return try await promise.futureResult.get()
    }

    func receive(reply message: UnsafeRawBufferPointer) {
        received.messages.append(Array(message))
        guard let call else { return }
        next(call, received.messages.count)
        if takesLater, let loop = call.loop?.eventLoop {
            let bound = NIOLoopBound(call, eventLoop: loop)
            loop.execute { bound.value.requestMore(1) }
        } else {
            call.requestMore(1)
        }
    }

    func ended(_ status: GRPCStatus, trailers: HeaderFields) {
        received.status = status
        call = nil
        done?(received)
    }
}
