import NIOConcurrencyHelpers
import NIOCore
import NIOPosix

#if canImport(Glibc)
    import Glibc
#endif

/// Takes connections and gives each to the `LoopContext` of its event loop. Used from every loop of a server.
struct Acceptor: Sendable {
    let refused = NIOLockedValueBox<UInt64>(0)
    private let loops: [ObjectIdentifier: NIOLoopBound<LoopContext>]
    private let open = NIOLockedValueBox(0)
    private let maxConnections: Int
    private let allowedUsers: Set<UInt32>?

    init(loops: [NIOLoopBound<LoopContext>], limits: Server.Limits) {
        self.loops = Dictionary(uniqueKeysWithValues: loops.map { (ObjectIdentifier($0.eventLoop), $0) })
        maxConnections = limits.maxConnections
        allowedUsers = limits.allowedUsers
    }

    func listen(_ endpoint: Server.Endpoint, group: MultiThreadedEventLoopGroup) async throws -> any Channel {
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 1024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.maxMessagesPerRead, value: 4)
            // A request of usual size and a batch of them alike come in with one read.
            .childChannelOption(
                .recvAllocator,
                value: AdaptiveRecvByteBufferAllocator(
                    minimum: 4 << 10, initial: 16 << 10, maximum: 64 << 10)
            )
            // Who says no more may still want its answer.
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelOption(.writeBufferWaterMark, value: .init(low: 64 << 10, high: 512 << 10))
            .childChannelInitializer { channel in accept(channel) }
        do {
            switch endpoint {
            case .tcp(let host, let port):
                return try await bootstrap.childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
                    .bind(host: host, port: port).get()
            case .unix(let path):
                try Self.clear(path)
                return try await bootstrap.bind(unixDomainSocketPath: path).get()
            }
        } catch let error as ServerError {
            throw error
        } catch {
            throw ServerError(
                description: "Can't listen on \(endpoint.text): \(Self.cause(error, endpoint))."
                    + Self.remedy(error, endpoint))
        }
    }

    private func accept(_ channel: any Channel) -> EventLoopFuture<Void> {
        let isTaken = open.withLockedValue { open in
            guard open < maxConnections else { return false }
            open += 1
            return true
        }
        guard isTaken, let loop = loops[ObjectIdentifier(channel.eventLoop)] else {
            refused.withLockedValue { $0 += 1 }
            return channel.close()
        }
        channel.closeFuture.whenComplete { _ in open.withLockedValue { $0 -= 1 } }
        guard let allowedUsers, channel.remoteAddress?.protocol == .unix else { return serve(channel, on: loop) }
        return PeerUser.of(channel).flatMap { user in
            if allowedUsers.contains(user) { return serve(channel, on: loop) }
            refused.withLockedValue { $0 += 1 }
            return channel.close()
        }
    }

    private func serve(_ channel: any Channel, on loop: NIOLoopBound<LoopContext>) -> EventLoopFuture<Void> {
        channel.eventLoop.makeCompletedFuture {
            let context = loop.value
            context.counts.connections &+= 1
            try channel.pipeline.syncOperations.addHandler(
                ProtocolDetector(loop: context, peer: channel.remoteAddress))
        }
    }

    /// Removes a socket file that a process has left behind; throws when somebody listens on it or it is another file.
    private static func clear(_ path: String) throws {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        guard status.st_mode & S_IFMT == S_IFSOCK else {
            throw ServerError(description: "Can't listen on unix:\(path): the file exists and is not a socket.")
        }
        let probe = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        guard probe >= 0 else { return }
        defer { close(probe) }
        let address = try SocketAddress(unixDomainSocketPath: path)
        let result = address.withSockAddr { connect(probe, $0, socklen_t($1)) }
        guard result != 0, errno == ECONNREFUSED else {
            throw ServerError(
                description:
                    "Can't listen on unix:\(path): another process listens there; stop it or choose another path.")
        }
        unlink(path)
    }

    static func removeSocket(_ path: String) { unlink(path) }

    private static func cause(_ error: any Error, _ endpoint: Server.Endpoint) -> String {
        if let error = error as? IOError { return String(cString: strerror(error.errnoCode)) }
        if case .unix(let path) = endpoint, case .unixDomainSocketPathTooLong? = error as? SocketAddressError {
            return "the path has \(path.utf8.count) bytes, more than the 107 of a Unix socket"
        }
        return "\(error)"
    }

    /// What to do, after a blank; empty when that is not known.
    private static func remedy(_ error: any Error, _ endpoint: Server.Endpoint) -> String {
        switch ((error as? IOError)?.errnoCode, endpoint) {
        case (EADDRINUSE, .tcp): " Stop what listens there, or choose another port."
        case (EACCES, .tcp(_, let port)) where port < 1024: " Choose a port from 1024 on, or give the right to bind lower ones."
        case (EADDRNOTAVAIL, .tcp): " Choose an address that this machine has."
        case (ENOENT, .unix): " Make the folder, or choose another."
        case (EACCES, .unix): " Give the right to write to the folder, or choose another."
        case (nil, .unix): " Choose a shorter folder."
        default: ""
        }
    }
}

extension Server.Endpoint {
    /// As it is written in messages.
    package var text: String {
        switch self {
        case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }
}
