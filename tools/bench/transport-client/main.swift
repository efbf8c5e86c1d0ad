import NIOCore
import NIOPosix
import Transport

#if canImport(Glibc)
    import Glibc
#endif

// GETs over one h2c connection from one event loop, so many at a time, as h2load does:
// transport-client PORT PATH STREAMS REQUESTS. Prints requests a second, latencies in microseconds, and errors.

final class Load {
    private let client: HTTPClient
    private let path: String
    private var left: Int
    private var open = 0
    private var latencies: [UInt32] = []
    private var errors = 0
    private let started = NIODeadline.now()
    private let done: EventLoopPromise<String>

    init(_ client: HTTPClient, _ path: String, _ requests: Int, _ done: EventLoopPromise<String>) {
        self.client = client
        self.path = path
        self.done = done
        left = requests
        latencies.reserveCapacity(requests)
    }

    func next() {
        guard left > 0 else { return finish() }
        left -= 1
        open += 1
        let start = NIODeadline.now()
        client.send(HTTPClientRequest(method: "GET", target: path)) { [self] result in
            latencies.append(UInt32(clamping: (NIODeadline.now() - start).nanoseconds))
            if case .success(let response) = result, response.status == 200 {} else { errors += 1 }
            open -= 1
            next()
        }
    }

    private func finish() {
        guard open == 0, left == 0 else { return }
        left = -1
        let seconds = Double((NIODeadline.now() - started).nanoseconds) / 1e9
        latencies.sort()
        func at(_ share: Double) -> Double { Double(latencies[Int(Double(latencies.count - 1) * share)]) / 1000 }
        client.close()
        done.succeed(
            "{\"rate\": \(Double(latencies.count) / seconds), \"p50\": \(at(0.5)), \"p99\": \(at(0.99)), \"errors\": \(errors)}")
    }
}

let arguments = CommandLine.arguments
guard arguments.count == 5, let port = Int(arguments[1]), let streams = Int(arguments[3]), let requests = Int(arguments[4])
else {
    print("usage: transport-client PORT PATH STREAMS REQUESTS")
    exit(2)
}
let loop = MultiThreadedEventLoopGroup(numberOfThreads: 1).next()
let done = loop.makePromise(of: String.self)
loop.execute {
    var limits = ClientLimits()
    limits.maxHTTP2Connections = 1
    let target = ClientTarget(.tcp(host: "127.0.0.1", port: port), wire: .http2)
    let client = HTTPClient(target, loop: ClientLoop(eventLoop: loop, limits: limits), name: "the server")
    let load = Load(client, arguments[2], requests, done)
    for _ in 0..<streams { load.next() }
}
print(try await done.futureResult.get())
