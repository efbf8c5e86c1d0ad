import Foundation

/// A redis-server on a port of its own, without persistence.
final class RedisServer: Sendable {
    let port: Int
    private let process: Subprocess

    /// Starts a server on a port that was free a moment ago, or on `port`.
    static func start(port: Int? = nil) async throws -> RedisServer {
        for _ in 0..<5 {
            let chosen = try port ?? FreePort.find()
            let process = try Subprocess(
                "redis-server",
                ["--port", "\(chosen)", "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", "/tmp"])
            do {
                try await eventually("redis-server on port \(chosen): \(process.output)\(process.errors)") {
                    if process.code != nil { throw Trouble("redis-server ended: \(process.output)\(process.errors)") }
                    return process.output.contains("Ready to accept connections") ? () : nil
                }
                return RedisServer(port: chosen, process: process)
            } catch where port == nil {
                // Somebody else took the port in between.
                continue
            }
        }
        throw Trouble("redis-server found no port")
    }

    private init(port: Int, process: Subprocess) {
        self.port = port
        self.process = process
    }

    /// SIGSTOP: it answers nothing, and its connections stay; SIGCONT.
    func signal(_ signal: Int32) { process.kill(signal) }

    func killed() async throws {
        process.kill(SIGKILL)
        _ = try await process.ended()
    }
}

enum FreePort {
    static func find() throws -> Int { try ListeningSocket(backlog: 1).port }
}

/// A TCP socket of 127.0.0.1 that listens and never accepts.
final class ListeningSocket: Sendable {
    let descriptor: Int32
    let port: Int

    init(backlog: Int32) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let failed = withUnsafeMutablePointer(to: &address) { [descriptor] in
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) != 0 || listen(descriptor, backlog) != 0
                    || getsockname(descriptor, $0, &length) != 0
            }
        }
        port = Int(UInt16(bigEndian: address.sin_port))
        guard !failed else { throw Trouble("no socket: \(String(cString: strerror(errno)))") }
    }

    deinit { close(descriptor) }

    /// Connects until the kernel takes no more: later connections hang in their handshake.
    func filled() throws -> BlackHole {
        var connections: [Int32] = []
        for _ in 0..<64 {
            let client = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
            connections.append(client)
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_addr.s_addr = inet_addr("127.0.0.1")
            address.sin_port = UInt16(port).bigEndian
            _ = withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    connect(client, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
            var waiting = pollfd(fd: client, events: Int16(POLLOUT), revents: 0)
            if poll(&waiting, 1, 100) == 0 { return BlackHole(socket: self, connections: connections) }
        }
        connections.forEach { close($0) }
        throw Trouble("the kernel goes on accepting connections")
    }
}

/// A port of 127.0.0.1 where connections neither succeed nor fail.
final class BlackHole: Sendable {
    private let socket: ListeningSocket
    private let connections: [Int32]
    var port: Int { socket.port }

    init(socket: ListeningSocket, connections: [Int32]) {
        self.socket = socket
        self.connections = connections
    }

    deinit { connections.forEach { close($0) } }
}

/// A TCP port of 127.0.0.1 that nobody else gets: its socket is bound and does not listen. Who sets SO_REUSEADDR, as servers do,
/// may listen on it.
final class ReservedPort: Sendable {
    let port: Int
    private let descriptor: Int32

    init() throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var one: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, 4)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let failed = withUnsafeMutablePointer(to: &address) { [descriptor] in
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) != 0 || getsockname(descriptor, $0, &length) != 0
            }
        }
        port = Int(UInt16(bigEndian: address.sin_port))
        guard !failed else { throw Failure() }
    }

    struct Failure: Error {}

    deinit { close(descriptor) }
}
