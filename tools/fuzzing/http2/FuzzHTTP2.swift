import NIOCore
import NIOEmbedded
@testable import Transport

// Feeds bytes into a connection as a socket would, in pieces, with replies from inside and outside of the callbacks.
// The first byte of an input says how long the pieces are, which preamble goes ahead, and whether the peer says at the end that it sends no
// more.

final class Answer: HTTPHandler {
    func open(_ request: HTTPRequest) -> HTTPBodyMode {
        if request.offersWebSocket, request.target.hasPrefix("/w") { return .streamed(Socket(request)) }
        return request.target.hasPrefix("/s") ? .streamed(Parts(request)) : .buffered
    }

    func handle(_ request: HTTPRequest) {
        if request.target.hasPrefix("/l") {
            let bound = NIOLoopBound(request, eventLoop: request.eventLoop)
            request.eventLoop.execute { bound.value.respond(status: 200, body: ByteBuffer(string: "later")) }
        } else {
            request.respond(status: 200, headers: [("x-target", request.target)], body: request.body)
        }
    }
}

final class Parts: HTTPBodyReceiver {
    private let request: HTTPRequest
    init(_ request: HTTPRequest) {
        self.request = request
        request.respondHead(status: 200)
    }
    func receive(_ bytes: ByteBuffer) {
        request.write(bytes)
        request.requestMore()
    }
    func end() { request.end() }
}

/// Goes on as a WebSocket, at once or later, or answers in another way.
final class Socket: HTTPBodyReceiver {
    private let request: HTTPRequest
    private var isOpen = false
    init(_ request: HTTPRequest) { self.request = request }
    func receive(_ bytes: ByteBuffer) {
        precondition(isOpen, "bytes ahead of the answer")
        request.write(bytes)
        request.requestMore()
    }
    func end() {
        if isOpen { return request.end() }
        if request.target.hasPrefix("/wn") { return request.respond(status: 200, body: ByteBuffer(string: "none")) }
        guard request.target.hasPrefix("/wl") else { return open() }
        let bound = NIOLoopBound(self, eventLoop: request.eventLoop)
        request.eventLoop.execute { bound.value.open() }
    }
    private func open() {
        isOpen = true
        request.acceptWebSocket(headers: HeaderFields([("x", "y")]), to: self)
    }
}

final class Chat: GRPCStreamReceiver {
    private let call: GRPCCall
    init(_ call: GRPCCall) { self.call = call }
    func receive(_ message: UnsafeRawBufferPointer) {
        call.send(message)
        if message.count == 3 { call.fail(GRPCStatus(.aborted, "three")) }
        call.requestMore(1)
    }
    func end() { call.finish() }
}

func application() -> LoopApplication {
    let router = GRPCRouter()
    router.unary("/a") { call, message in call.reply(message) }
    router.unary("/b") { call, message in
        let copy = Array(message)
        let bound = NIOLoopBound(call, eventLoop: call.eventLoop)
        call.eventLoop.execute { copy.withUnsafeBytes { bound.value.reply($0) } }
    }
    router.stream("/c") { Chat($0) }
    router.unary("/d") { _, _ in }
    HealthService().add(to: router)
    ReflectionService(files: []).add(to: router)
    return LoopApplication(grpc: router, http: Answer())
}

let greeting = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + [0, 0, 0, 4, 0, 0, 0, 0, 0]

/// HEADERS of a gRPC call on stream 1 for `path` of one letter, literals without indexing.
func call(_ path: UInt8) -> [UInt8] {
    var block: [UInt8] = [0x83, 0x86, 0x04, 2, UInt8(ascii: "/"), path, 0x41, 1, UInt8(ascii: "h")]
    block += [0x5f, 16] + Array("application/grpc".utf8)
    block += [0, 20] + Array("grpc-accept-encoding".utf8) + [4] + Array("gzip".utf8)
    block += [0, 13] + Array("grpc-encoding".utf8) + [4] + Array("gzip".utf8)
    return [0, 0, UInt8(block.count), 1, 4, 0, 0, 0, 1] + block
}

func run(_ input: UnsafeRawBufferPointer) {
    guard let first = input.first else { return }
    var bytes: [UInt8] = []
    switch first & 7 {
    case 0: break
    case 1: bytes = greeting
    case 2: bytes = greeting + call(UInt8(ascii: "a"))
    case 3: bytes = greeting + call(UInt8(ascii: "b"))
    case 4: bytes = greeting + call(UInt8(ascii: "c"))
    case 5: bytes = Array("POST /s HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n".utf8)
    case 6: bytes = Array("POST /l HTTP/1.1\r\nhost: x\r\n".utf8)
    default: bytes = Array("GET /x HTTP/1.1\r\nhost: x\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n".utf8)
    }
    bytes += input.dropFirst()
    let piece = [1, 2, 3, 7, 16, 100, 1000, 100_000][Int(first >> 3 & 7)]

    let channel = EmbeddedChannel()
    let loop = channel.embeddedEventLoop
    var limits = Server.Limits()
    limits.maxBodySize = 1 << 16
    limits.maxBufferedBytes = 1 << 17
    limits.maxSendBuffer = 1 << 18
    let context = LoopContext(eventLoop: loop, index: 0, limits: limits, tls: nil, application: application())
    try? channel.pipeline.syncOperations.addHandler(ProtocolDetector(loop: context, peer: nil))
    try? channel.connect(to: SocketAddress(unixDomainSocketPath: "/fuzz")).wait()
    var offset = 0
    while offset < bytes.count, channel.isActive {
        let end = min(offset + piece, bytes.count)
        channel.pipeline.fireChannelRead(ByteBuffer(bytes: bytes[offset..<end]))
        channel.pipeline.fireChannelReadComplete()
        loop.run()
        while (try? channel.readOutbound(as: ByteBuffer.self)) != nil {}
        offset = end
    }
    if first & 64 != 0, channel.isActive {
        channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        loop.run()
        while (try? channel.readOutbound(as: ByteBuffer.self)) != nil {}
    }
    context.drain(loop.makePromise())
    context.cut()
    loop.run()
    channel.close(promise: nil)
    loop.run()
    _ = try? channel.finish(acceptAlreadyClosed: true)
    let rest = context.statistics
    precondition(rest.openConnections == 0 && rest.openStreams == 0 && rest.bufferedBytes == 0, "\(rest)")
}

// SwiftPM calls an executable's main function by the name of its target; libFuzzer's own is left out for it.
@_silgen_name("LLVMFuzzerRunDriver")
func runFuzzer(
    _ count: UnsafeMutablePointer<CInt>, _ arguments: UnsafeMutableRawPointer,
    _ callback: @convention(c) (UnsafePointer<UInt8>, Int) -> CInt
) -> CInt

@_cdecl("fuzz_http2_main")
public func fuzzMain(_ count: CInt, _ arguments: UnsafeMutableRawPointer) -> CInt {
    var count = count
    var arguments = arguments
    return runFuzzer(&count, &arguments) { bytes, count in
        run(UnsafeRawBufferPointer(start: bytes, count: count))
        return 0
    }
}
