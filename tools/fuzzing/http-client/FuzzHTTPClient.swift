import NIOCore
import NIOEmbedded
@testable import Transport

// Feeds bytes of a server into a client's connection as a socket would, in pieces, with requests and calls of every shape
// on it. The first byte of an input says how long the pieces are, which protocol is spoken, what goes ahead, and whether a
// WebSocket is asked for first. Each request must end exactly once.

final class Ends {
    var begun = 0
    var ended = 0
}

final class Reader: HTTPClientReceiver {
    private let request: HTTPClientRequest
    private let ends: Ends
    init(_ request: HTTPClientRequest, _ ends: Ends) {
        self.request = request
        self.ends = ends
    }
    func receive(_ response: HTTPClientResponse) {}
    func receive(_ bytes: ByteBuffer) {
        request.write(bytes)
        request.requestMore()
    }
    func end(trailers: HeaderFields) { ends.ended += 1 }
    func failed(_ error: ClientError) { ends.ended += 1 }
}

final class Chat: GRPCClientReceiver {
    var call: GRPCClientCall?
    private let ends: Ends
    init(_ ends: Ends) { self.ends = ends }
    func receive(reply message: UnsafeRawBufferPointer) {
        call?.send(message)
        if message.count == 3 { call?.finishSending() }
        call?.requestMore(1)
    }
    func ended(_ status: GRPCStatus, trailers: HeaderFields) {
        ends.ended += 1
        call = nil
    }
}

/// A frame with a header block of literals: `:status: 200`, `content-type: application/grpc`, gzip.
func head(_ stream: UInt8, _ flags: UInt8) -> [UInt8] {
    var block: [UInt8] = [0x88, 0x5f, 16] + Array("application/grpc".utf8)
    block += [0, 13] + Array("grpc-encoding".utf8) + [4] + Array("gzip".utf8)
    return [0, 0, UInt8(block.count), 1, flags, 0, 0, 0, stream] + block
}

let settings: [UInt8] = [0, 0, 0, 4, 0, 0, 0, 0, 0]

func start(_ client: ClientLoop, _ pool: ConnectionPool, _ ends: Ends, isHTTP2: Bool, asksForWebSocket: Bool) {
    func begin(_ exchange: ClientExchange) {
        ends.begun += 1
        exchange.begin(on: client, pool: pool)
        pool.dispatch(exchange)
    }
    if asksForWebSocket {
        let socket = HTTPClientRequest(webSocket: "/w", fields: HeaderFields([("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")]))
        socket.expect(Reader(socket, ends))
        begin(socket)
    }
    let whole = HTTPClientRequest(method: "GET", target: "/a")
    whole.expect { _ in ends.ended += 1 }
    begin(whole)
    let streamed = HTTPClientRequest(streaming: "POST", target: "/s")
    streamed.expect(Reader(streamed, ends))
    begin(streamed)
    streamed.write(ByteBuffer(string: "first"))
    guard isHTTP2 else { return }
    begin(GRPCClientCall(unary: "/a.B/C", message: UnsafeRawBufferPointer(start: nil, count: 0)) { _, _ in ends.ended += 1 })
    let chat = Chat(ends)
    let call = GRPCClientCall(streaming: "/a.B/D", receiver: chat)
    chat.call = call
    begin(call)
    let cancelled = GRPCClientCall(streaming: "/a.B/E", receiver: Chat(Ends()))
    cancelled.begin(on: client, pool: pool)
    pool.dispatch(cancelled)
    cancelled.cancel()
}

func run(_ input: UnsafeRawBufferPointer) {
    guard let first = input.first else { return }
    let isHTTP2 = first & 7 < 5
    var bytes: [UInt8] = []
    switch first & 7 {
    case 0: break
    case 1: bytes = settings
    case 2: bytes = settings + head(1, 4)
    case 3: bytes = settings + head(5, 4)
    case 4: bytes = settings + head(7, 4)
    case 5: break
    case 6: bytes = Array("HTTP/1.1 200 OK\r\n".utf8)
    default: bytes = Array("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".utf8)
    }
    bytes += input.dropFirst()
    let piece = [1, 2, 3, 7, 16, 100, 1000, 100_000][Int(first >> 3 & 7)]

    let channel = EmbeddedChannel()
    let loop = channel.embeddedEventLoop
    var limits = ClientLimits()
    // Connections are made by hand.
    limits.maxConnections = 0
    limits.maxHTTP2Connections = 0
    limits.maxResponseSize = 1 << 16
    limits.maxHeaderBytes = 1 << 12
    limits.maxControlFrames = 100
    let client = ClientLoop(eventLoop: loop, limits: limits)
    let pool = ConnectionPool(
        ClientTarget(.unix(path: "/fuzz"), wire: isHTTP2 ? .http2 : .http1), loop: client, name: "the server")
    pool.begin()
    let handler = pool.connected(wire: isHTTP2 ? .http2 : .http1, tls: nil)
    try? channel.pipeline.syncOperations.addHandler(handler)
    try? channel.connect(to: SocketAddress(unixDomainSocketPath: "/fuzz")).wait()
    if let handler = handler as? HTTP2ClientConnection { pool.ready(handler) }
    if let handler = handler as? HTTP1ClientConnection { pool.ready(handler) }
    let ends = Ends()
    start(client, pool, ends, isHTTP2: isHTTP2, asksForWebSocket: first & 64 != 0)
    loop.run()
    var offset = 0
    while offset < bytes.count, channel.isActive {
        let end = min(offset + piece, bytes.count)
        channel.pipeline.fireChannelRead(ByteBuffer(bytes: bytes[offset..<end]))
        channel.pipeline.fireChannelReadComplete()
        loop.run()
        while (try? channel.readOutbound(as: ByteBuffer.self)) != nil {}
        offset = end
    }
    channel.close(promise: nil)
    loop.run()
    pool.close()
    loop.run()
    _ = try? channel.finish(acceptAlreadyClosed: true)
    precondition(ends.begun == ends.ended && client.openConnections == 0, "\(ends.begun) begun, \(ends.ended) ended")
}

// SwiftPM calls an executable's main function by the name of its target; libFuzzer's own is left out for it.
@_silgen_name("LLVMFuzzerRunDriver")
func runFuzzer(
    _ count: UnsafeMutablePointer<CInt>, _ arguments: UnsafeMutableRawPointer,
    _ callback: @convention(c) (UnsafePointer<UInt8>, Int) -> CInt
) -> CInt

@_cdecl("fuzz_http_client_main")
public func fuzzMain(_ count: CInt, _ arguments: UnsafeMutableRawPointer) -> CInt {
    var count = count
    var arguments = arguments
    return runFuzzer(&count, &arguments) { bytes, count in
        run(UnsafeRawBufferPointer(start: bytes, count: count))
        return 0
    }
}
