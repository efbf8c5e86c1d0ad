import NIOCore
import NIOPosix
import Transport

#if canImport(Glibc)
    import Glibc
#endif

// A gRPC echo and an HTTP "hello" on one event loop, for load generators: transport-echo [port] [loops].

final class Hello: HTTPHandler {
    func handle(_ request: HTTPRequest) {
        request.respond(
            status: 200, headers: [("content-type", "text/plain")],
            body: request.body.readableBytes > 0 ? request.body : ByteBuffer(string: "hello\n"))
    }
}

let port = CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 0
let loops = CommandLine.arguments.dropFirst(2).first.flatMap { Int($0) } ?? 1
let group = MultiThreadedEventLoopGroup(numberOfThreads: loops)
let server = try await Server.bind([.tcp(host: "127.0.0.1", port: port)], group: group, name: "echo") { _, _ in
    let router = GRPCRouter()
    router.unary("/echo.Echo/Unary") { call, message in call.reply(message) }
    router.unary("/echo.Echo/Later") { call, message in
        let copy = Array(message)
        let bound = NIOLoopBound(call, eventLoop: call.eventLoop)
        call.eventLoop.execute { copy.withUnsafeBytes { bound.value.reply($0) } }
    }
    return LoopApplication(grpc: router, http: Hello())
}
// Unbuffered: whoever starts this in the background waits for the line.
let line = "listening on \(server.addresses)\n"
_ = line.withCString { write(1, $0, strlen($0)) }
while true { try await Task.sleep(for: .seconds(3600)) }
