import Glibc
package import NIOPosix
package import Transport

/// Starts the servers of the control plane.
package enum AdminServer {
    /// Serves the admin API on the Unix socket at `path`, for this process's user and root alone.
    ///
    /// Makes the folder (0700) if it is not there. Throws `AdminError` when the folder is not safe, when another
    /// runtime uses the socket, or when it can't be bound.
    package static func bind(
        path: String, backend: some AdminBackend, group: MultiThreadedEventLoopGroup
    ) async throws(AdminError) -> Server {
        try AdminSocketFile.prepareFolder(of: path)
        if AdminSocket.isListening(path) {
            throw AdminError(
                .conflict,
                "Another runtime uses the admin socket \(path). Stop it, or give this one another --app-id or "
                    + "--admin-socket.")
        }
        let server: Server
        do {
            var limits = limits
            limits.allowedUsers = [0, geteuid()]
            server = try await Server.bind([.unix(path: path)], group: group, limits: limits, name: "admin") {
                loop, _ in
                LoopApplication(grpc: GRPCRouter(), http: AdminHandler(backend: backend, eventLoop: loop))
            }
        } catch {
            throw AdminError(.unavailable, "The admin socket can't be served: \(error)")
        }
        do throws(AdminError) {
            try AdminSocketFile.restrict(path)
        } catch {
            await server.drain(grace: .zero)
            throw error
        }
        return server
    }

    /// Serves the metrics page at `host` and `port`; 0 lets the kernel choose. Throws `ServerError`.
    package static func bindMetrics(
        host: String, port: Int, backend: some AdminBackend, group: MultiThreadedEventLoopGroup
    ) async throws -> Server {
        var limits = limits
        limits.maxBodySize = 64 << 10
        return try await Server.bind(
            [.tcp(host: host, port: port)], group: group, limits: limits, name: "metrics"
        ) { loop, _ in
            LoopApplication(grpc: GRPCRouter(), http: MetricsHandler(backend: backend, eventLoop: loop))
        }
    }

    /// A few operators and scrapers, and the largest state value a command may write.
    private static var limits: Server.Limits {
        var limits = Server.Limits()
        limits.maxBodySize = 128 << 20
        limits.maxConnections = 256
        return limits
    }
}
