import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import Testing

@testable import Transport

/// A client on an event loop of its own, asked from tests.
final class TestClient: Sendable {
    struct Answer: Sendable {
        var status: Int
        var headers: [String: String]
        var trailers: [String: String]
        var body: [UInt8]
        var text: String { String(decoding: body, as: UTF8.self) }
    }
    struct Reply: Sendable {
        var status: GRPCStatus
        var message: [UInt8]
        var mayHaveBeenSeen: Bool
    }

    let eventLoop: any EventLoop
    private let bound: NIOLoopBound<HTTPClient>
    let lost = NIOLockedValueBox(0)

    private init(_ eventLoop: any EventLoop, _ bound: NIOLoopBound<HTTPClient>) {
        self.eventLoop = eventLoop
        self.bound = bound
    }

    /// Runs `body` with a client; afterwards nothing of it may be open.
    static func run<R: Sendable>(
        _ target: ClientTarget, limits: ClientLimits = ClientLimits(), _ body: (TestClient) async throws -> R
    ) async throws -> R {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loop = group.next()
        let client = try await loop.submit {
            NIOLoopBound(
                HTTPClient(target, loop: ClientLoop(eventLoop: loop, limits: limits), name: "the server"), eventLoop: loop)
        }.get()
        let this = TestClient(loop, client)
        try await loop.submit { [lost = this.lost] in client.value.onConnectionLost = { lost.withLockedValue { $0 += 1 } } }.get()
        let result: R
        do {
            result = try await body(this)
        } catch {
            try? await loop.submit { client.value.close() }.get()
            try await group.shutdownGracefully()
            throw error
        }
        try await loop.submit { client.value.close() }.get()
        #expect(try await this.openConnections == 0)
        try await group.shutdownGracefully()
        return result
    }

    var openConnections: Int { get async throws { try await on { $0.loop.openConnections } } }

    /// Runs `body` on the client's loop.
    func on<R: Sendable>(_ body: @escaping @Sendable (HTTPClient) throws -> R) async throws -> R {
        try await eventLoop.submit { [bound] in try body(bound.value) }.get()
    }

    func send(
        _ method: String, _ target: String, headers: [(String, String)] = [], body: [UInt8]? = nil, timeout: Duration? = .seconds(10)
    ) async -> Result<Answer, ClientError> {
        await withCheckedContinuation { continuation in
            eventLoop.execute { [bound] in
                let request = HTTPClientRequest(
                    method: method, target: target, headers: headers, body: body.map { ByteBuffer(bytes: $0) }, timeout: timeout)
                bound.value.send(request) { result in continuation.resume(returning: result.map(Self.answer)) }
            }
        }
    }

    /// Sends a streamed request; the response is read slowly or fast by `Collector`.
    func stream(
        _ method: String, _ target: String, parts: [[UInt8]], contentLength: Int? = nil, timeout: Duration? = .seconds(20)
    ) async -> Result<Answer, ClientError> {
        await withCheckedContinuation { continuation in
            eventLoop.execute { [bound] in
                let request = HTTPClientRequest(
                    streaming: method, target: target, contentLength: contentLength, timeout: timeout)
                let sender = PartSender(request, parts)
                bound.value.send(request, to: Collector(request) { continuation.resume(returning: $0) })
                sender.send()
            }
        }
    }

    /// Sends a streamed request from inside the answer to another, with the body `before`. `given`: what is left of its body at the end.
    func stream(
        _ method: String, _ target: String, parts: [[UInt8]], after before: String
    ) async -> (result: Result<Answer, ClientError>, given: [UInt8]?) {
        await withCheckedContinuation { continuation in
            eventLoop.execute { [bound] in
                let first = HTTPClientRequest(method: "POST", target: "/", body: ByteBuffer(string: before), timeout: .seconds(20))
                bound.value.send(first) { _ in
                    let request = HTTPClientRequest(streaming: method, target: target, timeout: .seconds(20))
                    let sender = PartSender(request, parts)
                    let collector = Collector(request) { continuation.resume(returning: ($0, request.given.map { Array($0.readableBytesView) })) }
                    bound.value.send(request, to: collector)
                    sender.send()
                }
            }
        }
    }

    /// Asks for a WebSocket, sends `parts` by it and ends it once as many bytes have come back.
    func webSocket(_ target: String, headers: [(String, String)] = [], parts: [[UInt8]]) async -> Result<Answer, ClientError> {
        await withCheckedContinuation { continuation in
            eventLoop.execute { [bound] in
                let request = HTTPClientRequest(webSocket: target, fields: HeaderFields(headers), timeout: .seconds(20))
                bound.value.send(request, to: SocketClient(request, parts) { continuation.resume(returning: $0) })
            }
        }
    }

    func unary(_ path: String, _ message: [UInt8], metadata: [(String, String)] = [], timeout: Duration? = .seconds(10)) async -> Reply {
        await withCheckedContinuation { continuation in
            eventLoop.execute { [bound] in
                let seen = SeenBox()
                let call = message.withUnsafeBytes {
                    GRPCClientCall(unary: path, metadata: metadata, timeout: timeout, message: $0) { status, message in
                        continuation.resume(
                            returning: Reply(
                                status: status, message: Array(message), mayHaveBeenSeen: seen.call?.mayHaveBeenSeen ?? true))
                        seen.call = nil
                    }
                }
                seen.call = call
                bound.value.start(call)
            }
        }
    }

    static func answer(_ response: HTTPClientResponse) -> Answer {
        Answer(
            status: response.status, headers: fields(response.headers), trailers: fields(response.trailers),
            body: Array(response.body.readableBytesView))
    }

    static func fields(_ fields: HeaderFields) -> [String: String] {
        var result: [String: String] = [:]
        fields.forEach { result[String(decoding: $0, as: UTF8.self)] = String(decoding: $1, as: UTF8.self) }
        return result
    }
}

private final class SeenBox { var call: GRPCClientCall? }

/// Sends parts as fast as they are taken.
private final class PartSender {
    private let request: HTTPClientRequest
    private var parts: ArraySlice<[UInt8]>

    private let endsAtOnce: Bool

    init(_ request: HTTPClientRequest, _ parts: [[UInt8]], endsAtOnce: Bool = true) {
        self.request = request
        self.parts = parts[...]
        self.endsAtOnce = endsAtOnce
        request.onWritable = { [self] in send() }
    }

    func send() {
        while let part = parts.popFirst() {
            if !request.write(ByteBuffer(bytes: part)) { return }
        }
        if endsAtOnce { request.end() }
        request.onWritable = nil
    }
}

/// Collects a streamed response.
private final class Collector: HTTPClientReceiver {
    private let request: HTTPClientRequest
    private let done: (Result<TestClient.Answer, ClientError>) -> Void
    private var response = HTTPClientResponse(status: 0)

    init(_ request: HTTPClientRequest, _ done: @escaping (Result<TestClient.Answer, ClientError>) -> Void) {
        self.request = request
        self.done = done
    }

    func receive(_ response: HTTPClientResponse) { self.response = response }

    func receive(_ bytes: ByteBuffer) {
        response.body.writeImmutableBuffer(bytes)
        request.requestMore()
    }

    func end(trailers: HeaderFields) {
        response.trailers = trailers
        done(.success(TestClient.answer(response)))
    }

    func failed(_ error: ClientError) { done(.failure(error)) }
}

/// One end of a WebSocket.
private final class SocketClient: HTTPClientReceiver {
    private let request: HTTPClientRequest
    private let sender: PartSender
    private let expected: Int
    private let done: (Result<TestClient.Answer, ClientError>) -> Void
    private var response = HTTPClientResponse(status: 0)

    init(_ request: HTTPClientRequest, _ parts: [[UInt8]], _ done: @escaping (Result<TestClient.Answer, ClientError>) -> Void) {
        self.request = request
        self.done = done
        expected = parts.reduce(0) { $0 + $1.count }
        sender = PartSender(request, parts, endsAtOnce: false)
    }

    func receive(_ response: HTTPClientResponse) {
        self.response = response
        request.requestMore()
        if response.status == 101 { sender.send() }
    }

    func receive(_ bytes: ByteBuffer) {
        response.body.writeImmutableBuffer(bytes)
        if response.status == 101, response.body.readableBytes >= expected { request.end() }
        request.requestMore()
    }

    func end(trailers: HeaderFields) { done(.success(TestClient.answer(response))) }

    func failed(_ error: ClientError) { done(.failure(error)) }
}

/// Waits up to `patience` for a condition.
func eventually(patience: Duration = .seconds(10), _ condition: () async throws -> Bool) async throws -> Bool {
    let deadline = ContinuousClock.now + patience
    while ContinuousClock.now < deadline {
        if try await condition() { return true }
        try await Task.sleep(for: .milliseconds(2))
    }
    return false
}
