import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import Testing

@testable import Transport

/// A server on a free port for the length of a test: afterwards it is drained, and nothing of it may be left.
struct TestServer: Sendable {
    let server: Server
    let log: EventLog
    let group: MultiThreadedEventLoopGroup

    var address: SocketAddress { server.addresses[0] }
    var port: Int { address.port ?? 0 }

    static func run<R: Sendable>(
        limits: Server.Limits = Server.Limits(), tls: TLSServerContext? = nil, loops: Int = 1,
        endpoints: [Server.Endpoint] = [.tcp(host: "127.0.0.1", port: 0)],
        configure: @escaping @Sendable (GRPCRouter, EventLog) -> Void = { _, _ in },
        http: @escaping @Sendable (EventLog) -> any HTTPHandler = { EchoHandler($0) },
        _ body: @Sendable (TestServer) async throws -> R
    ) async throws -> R {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: loops)
        let log = EventLog()
        let server = try await Server.bind(endpoints, group: group, limits: limits, tls: tls, name: "test") { _, _ in
            let router = GRPCRouter()
            TestServer.addMethods(router, log)
            configure(router, log)
            return LoopApplication(grpc: router, http: http(log))
        }
        let this = TestServer(server: server, log: log, group: group)
        let result: R
        do {
            result = try await body(this)
        } catch {
            await server.drain(grace: .zero)
            try await group.shutdownGracefully()
            throw error
        }
        await server.drain(grace: .milliseconds(500))
        let rest = await server.statistics()
        #expect(rest.openConnections == 0)
        #expect(rest.openStreams == 0)
        #expect(rest.bufferedBytes == 0)
        try await group.shutdownGracefully()
        return result
    }

    /// Waits until the statistics say so; the condition's own patience is ten seconds.
    func eventually(_ condition: @Sendable (Server.Statistics) -> Bool) async throws -> Bool {
        let deadline = NIODeadline.now() + .seconds(10)
        while NIODeadline.now() < deadline {
            if condition(await server.statistics()) { return true }
            try await Task.sleep(for: .milliseconds(2))
        }
        return false
    }

    private static func addMethods(_ router: GRPCRouter, _ log: EventLog) {
        router.unary("/test.Test/Echo") { call, message in call.reply(message) }
        router.unary("/test.Test/Later") { call, message in
            let copy = Array(message)
            let call = NIOLoopBound(call, eventLoop: call.eventLoop)
            call.eventLoop.execute { copy.withUnsafeBytes { call.value.reply($0) } }
        }
        router.unary("/test.Test/Never") { call, _ in
            log.add("started")
            call.onCancel = { log.add("cancelled \($0)") }
        }
        router.unary("/test.Test/Fail") { call, _ in
            call.addTrailingMetadata("x-trace", "t")
            call.fail(GRPCStatus(.failedPrecondition, "Grün ist 100 %\n.", details: [1, 2, 3]))
        }
        router.unary("/test.Test/Size") { call, message in
            let size = Int(String(decoding: message, as: UTF8.self)) ?? 0
            call.reply(size: size) { $0.initializeMemory(as: UInt8.self, repeating: 0x61) }
        }
        router.stream("/test.Test/Chat") { Chat($0, log) }
        router.stream("/test.Test/Count") { Counter($0, log) }
        router.stream("/test.Test/Sum") { Summer($0) }
    }
}

/// What happened on the server, for tests to wait for.
final class EventLog: Sendable {
    private let events = NIOLockedValueBox<[String]>([])

    var all: [String] { events.withLockedValue { $0 } }

    func add(_ event: String) { events.withLockedValue { $0.append(event) } }

    /// Waits up to ten seconds for an event.
    func contains(_ event: String) async throws -> Bool {
        let deadline = NIODeadline.now() + .seconds(10)
        while NIODeadline.now() < deadline {
            if all.contains(event) { return true }
            try await Task.sleep(for: .milliseconds(2))
        }
        return false
    }
}

/// Bidirectional: sends each message back, and takes the next when it could.
final class Chat: GRPCStreamReceiver {
    private let call: GRPCCall
    private let log: EventLog

    init(_ call: GRPCCall, _ log: EventLog) {
        self.call = call
        self.log = log
    }

    func receive(_ message: UnsafeRawBufferPointer) {
        if call.send(message) { call.requestMore(1) }
    }

    func end() { call.finish() }

    func writable() { call.requestMore(1) }

    func cancelled(_ reason: GRPCCancelReason) { log.add("chat cancelled \(reason)") }
}

/// Server streaming: the message says how many messages of 1 KiB are wanted; sends as fast as the reader reads.
final class Counter: GRPCStreamReceiver {
    private let call: GRPCCall
    private let log: EventLog
    private var left = 0
    private var pauses = 0

    init(_ call: GRPCCall, _ log: EventLog) {
        self.call = call
        self.log = log
    }

    func receive(_ message: UnsafeRawBufferPointer) {
        left = Int(String(decoding: message, as: UTF8.self)) ?? 0
        send()
    }

    func end() {}

    func writable() { send() }

    func cancelled(_ reason: GRPCCancelReason) { log.add("count cancelled \(reason)") }

    private func send() {
        while left > 0 {
            left -= 1
            guard call.send(size: 1024, { $0.initializeMemory(as: UInt8.self, repeating: 7) }) else {
                pauses += 1
                log.add("paused")
                return
            }
        }
        call.finish()
    }
}

/// Client streaming: answers with the number of bytes. Takes a message only for each credit it gave.
final class Summer: GRPCStreamReceiver {
    private let call: GRPCCall
    private var sum = 0

    init(_ call: GRPCCall) { self.call = call }

    func receive(_ message: UnsafeRawBufferPointer) {
        sum += message.count
        call.requestMore(1)
    }

    func end() {
        let text = Array(String(sum).utf8)
        text.withUnsafeBytes { call.reply($0) }
    }
}

/// Answers with the body, or says what it was asked.
final class EchoHandler: HTTPHandler {
    private let log: EventLog

    init(_ log: EventLog) { self.log = log }

    func open(_ request: HTTPRequest) -> HTTPBodyMode {
        if request.offersWebSocket, request.target.hasPrefix("/socket") { return .streamed(SocketEcho(request)) }
        if request.target == "/stream" { return .streamed(StreamedEcho(request)) }
        if request.target == "/early" { return .streamed(EarlyAnswer(request)) }
        return .buffered
    }

    func handle(_ request: HTTPRequest) {
        switch request.target {
        case "/never":
            log.add("started")
            request.onCancel = { [log] in log.add("cancelled \($0)") }
        case "/later":
            let bound = NIOLoopBound(request, eventLoop: request.eventLoop)
            request.eventLoop.scheduleTask(in: .milliseconds(20)) {
                bound.value.respond(status: 200, body: ByteBuffer(string: "later"))
            }
        case "/parts":
            request.respondHead(status: 200, headers: [("x-kind", "parts")])
            request.write(ByteBuffer(string: "one,"))
            request.write(ByteBuffer(string: "two"))
            request.end()
        case "/split": request.respond(status: 200, headers: [("x-bad", "a\r\nset-cookie: b"), ("bad name", "x")])
        case "/large": request.respond(status: 200, body: ByteBuffer(repeating: 0x62, count: 300_000))
        default:
            request.respond(
                status: 200, headers: [("x-method", request.method), ("x-target", request.target)], body: request.body)
        }
    }
}

/// Takes the first part of a body, and answers a moment later without the others.
final class EarlyAnswer: HTTPBodyReceiver {
    private let request: HTTPRequest

    init(_ request: HTTPRequest) { self.request = request }

    func receive(_ bytes: ByteBuffer) {
        let bound = NIOLoopBound(request, eventLoop: request.eventLoop)
        request.eventLoop.scheduleTask(in: .milliseconds(100)) { bound.value.respond(status: 500, body: ByteBuffer(string: "early")) }
    }

    func end() {}
}

/// Goes on as a WebSocket that sends back what comes, or answers with 200 at /socket-none.
final class SocketEcho: HTTPBodyReceiver {
    private let request: HTTPRequest
    private var isOpen = false

    init(_ request: HTTPRequest) { self.request = request }

    func receive(_ bytes: ByteBuffer) {
        if request.write(bytes) {
            request.requestMore()
        } else {
            request.onWritable = { [request] in request.requestMore() }
        }
    }

    func end() {
        if isOpen { return request.end() }
        if request.target == "/socket-none" { return request.respond(status: 200, body: ByteBuffer(string: "none")) }
        isOpen = true
        request.acceptWebSocket(headers: HeaderFields([("x-kind", "echo")]), to: self)
    }
}

/// Sends each part of the body back as it comes.
final class StreamedEcho: HTTPBodyReceiver {
    private let request: HTTPRequest

    init(_ request: HTTPRequest) {
        self.request = request
        request.respondHead(status: 200)
    }

    func receive(_ bytes: ByteBuffer) {
        if request.write(bytes) {
            request.requestMore()
        } else {
            request.onWritable = { [request] in request.requestMore() }
        }
    }

    func end() { request.end() }
}
