import Glibc
import NIOCore
import NIOPosix
import Testing
import Transport
@testable import AdminAPI

/// The admin API over a real Unix socket, asked by the real client.
@Suite struct AdminSocketTests {
    /// Serves `MemoryBackend` in a folder of the test's own while `body` runs.
    private static func serving(
        _ body: (_ client: AdminClient, _ backend: MemoryBackend, _ socket: String) async throws -> Void
    ) async throws {
        let folder = try Folder()
        defer { folder.remove() }
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        let backend = MemoryBackend()
        let socket = folder.path + "/inner/shop.sock"
        let server = try await AdminServer.bind(path: socket, backend: backend, group: group)
        let client = AdminClient(socket: socket, appID: "shop", timeout: .seconds(20))
        let result: Result<Void, any Error>
        do {
            result = .success(try await body(client, backend, socket))
        } catch {
            result = .failure(error)
        }
        await server.drain(grace: .seconds(1))
        try await group.shutdownGracefully()
        try result.get()
    }

    /// What the runtime's answer was, when it refused.
    private static func refusal(
        _ client: AdminClient, _ work: @escaping @Sendable (AdminClient) throws -> some Sendable
    ) async -> AdminError.Code? {
        do {
            _ = try await client(work)
            return nil
        } catch AdminClientError.refused(let error) {
            return error.code
        } catch {
            Issue.record(error)
            return nil
        }
    }

    @Test("status, plugins, components and findings arrive as the backend gave them")
    func reading() async throws {
        try await Self.serving { client, backend, _ in
            let status = await backend.status()
            #expect(try await client { try $0.status() } == status)
            let plugins = await backend.plugins()
            #expect(try await client { try $0.plugins() }.plugins == plugins)
            let plugin = try await backend.plugin(named: "memory")
            #expect(try await client { try $0.plugin(named: "memory") } == plugin)
            let components = await backend.components()
            #expect(try await client { try $0.components() }.components == components)
            let component = try await backend.component(named: "store")
            #expect(try await client { try $0.component(named: "store") } == component)
            let findings = await backend.doctor()
            #expect(try await client { try $0.doctor() }.findings == findings)
            #expect(await Self.refusal(client) { try $0.plugin(named: "a/b?c") } == .notFound)
            #expect(await Self.refusal(client) { try $0.component(named: "nothing") } == .notFound)
        }
    }

    @Test("a plugin is loaded, reloaded and unloaded")
    func plugins() async throws {
        try await Self.serving { client, _, _ in
            #expect(try await client { try $0.loadPlugin(file: "/p/redis.so") }.plugin?.state == .ready)
            #expect(await Self.refusal(client) { try $0.loadPlugin(file: "/p/redis.so") } == .conflict)
            #expect(await Self.refusal(client) { try $0.loadPlugin(file: "/p/redis.txt") } == .rejected)
            let change = try await client { try $0.reloadPlugin(named: "memory", file: nil) }
            #expect(change.fromGeneration == 1 && change.plugin?.generation == 2)
            #expect(try await client { try $0.reloadPlugin(named: "memory", file: "/new.so") }.plugin?.path == "/new.so")
            #expect(await Self.refusal(client) { try $0.unloadPlugin(named: "memory", force: false) } == .conflict)
            #expect(try await client { try $0.unloadPlugin(named: "memory", force: true) }.components == ["store"])
            #expect(try await client { try $0.components() }.components.isEmpty)
        }
    }

    @Test("a state value of any bytes is written, read with its etag and deleted")
    func state() async throws {
        try await Self.serving { client, backend, _ in
            let key = "shop||cart/1 é?"
            #expect(try await client { try $0.stateItem(store: "store", key: key) } == nil)
            let value = (0..<200_000).map { UInt8(truncatingIfNeeded: $0) }
            try await client {
                try $0.setStateItem(store: "store", key: key, write: StateWrite(value: value, ttlSeconds: 60))
            }
            #expect(await backend.lastTTL == 60)
            let item = try #require(try await client { try $0.stateItem(store: "store", key: key) })
            #expect(item.value == value)
            #expect(item.etag == "1 \u{E9}%")
            #expect(
                await Self.refusal(client) {
                    try $0.setStateItem(store: "store", key: key, write: StateWrite(value: [], etag: "0"))
                } == .conflict)
            try await client {
                try $0.setStateItem(store: "store", key: key, write: StateWrite(value: [], etag: item.etag))
            }
            #expect(try await client { try $0.stateItem(store: "store", key: key) }?.value == [])
            #expect(await Self.refusal(client) { try $0.deleteStateItem(store: "store", key: key, etag: "x") } == .conflict)
            try await client { try $0.deleteStateItem(store: "store", key: key, etag: nil) }
            #expect(try await client { try $0.stateItem(store: "store", key: key) } == nil)
            #expect(await Self.refusal(client) { try $0.stateItem(store: "nothing", key: "k") } == .notFound)
        }
    }

    @Test("the socket and its folder are their owner's alone, and go with the server")
    func permissions() async throws {
        var path = ""
        try await Self.serving { _, _, socket in
            path = socket
            var status = stat()
            #expect(stat(socket, &status) == 0)
            #expect(status.st_mode & 0o7777 == 0o600)
            #expect(status.st_mode & S_IFMT == S_IFSOCK)
            let folder = String(socket[..<socket.lastIndex(of: "/")!])
            #expect(stat(folder, &status) == 0)
            #expect(status.st_mode & 0o7777 == 0o700)
            #expect(status.st_uid == geteuid())
            #expect(AdminSocket.appIDs(in: folder) == ["shop"])
        }
        #expect(access(path, F_OK) != 0)
    }

    @Test("a user that is not among the allowed ones is turned away by the kernel's word")
    func otherUser() async throws {
        let folder = try Folder()
        defer { folder.remove() }
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let socket = folder.path + "/others.sock"
        var limits = Server.Limits()
        limits.allowedUsers = [geteuid() &+ 1]
        let server = try await Server.bind([.unix(path: socket)], group: group, limits: limits, name: "x") { loop, _ in
            LoopApplication(grpc: GRPCRouter(), http: AdminHandler(backend: MemoryBackend(), eventLoop: loop))
        }
        let client = AdminClient(socket: socket, appID: nil, timeout: .seconds(20))
        await #expect(throws: AdminClientError.self) { try await client { try $0.status() } }
        #expect(await server.statistics().refusedConnections == 1)
        #expect(await server.statistics().requests == 0)
        await server.drain(grace: .zero)
        try await group.shutdownGracefully()
    }

    @Test("a second runtime on the same socket is refused and the first goes on")
    func inUse() async throws {
        try await Self.serving { client, backend, socket in
            let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
            let error = await #expect(throws: AdminError.self) {
                try await AdminServer.bind(path: socket, backend: backend, group: group)
            }
            try await group.shutdownGracefully()
            #expect(error?.code == .conflict)
            #expect(error?.message.contains(socket) == true)
            #expect(try await client { try $0.status() }.appID == "shop")
        }
    }

    @Test("a socket that a dead runtime left behind is taken over")
    func leftBehind() async throws {
        let folder = try Folder()
        defer { folder.remove() }
        let socket = folder.path + "/shop.sock"
        try Folder.leaveSocket(at: socket)
        let client = AdminClient(socket: socket, appID: "shop", timeout: .seconds(5))
        await #expect(throws: AdminClientError.unreachable(
            "No runtime is running for app id shop: nobody listens on \(socket), which an earlier one left behind; "
                + "start one with `octavo run --app-id shop`.")) { try await client { try $0.status() } }
        #expect(!AdminSocket.isListening(socket))
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let server = try await AdminServer.bind(path: socket, backend: MemoryBackend(), group: group)
        #expect(try await client { try $0.status() }.appID == "shop")
        await server.drain(grace: .zero)
        try await group.shutdownGracefully()
    }

    @Test("a folder that others can tamper with is refused")
    func unsafeFolder() async throws {
        let folder = try Folder()
        defer { folder.remove() }
        chmod(folder.path, 0o777)
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let error = await #expect(throws: AdminError.self) {
            try await AdminServer.bind(path: folder.path + "/x.sock", backend: MemoryBackend(), group: group)
        }
        #expect(error?.code == .forbidden)
        #expect(error?.message.contains("chmod go-w \(folder.path)") == true)
        try await group.shutdownGracefully()
    }

    @Test("no runtime, a path that is too long: each is said with what to do")
    func unreachable() {
        let absent = AdminClient(socket: "/nowhere/shop.sock", appID: "shop", timeout: .seconds(1))
        #expect(throws: AdminClientError.unreachable(
            "No runtime is running for app id shop (looked for /nowhere/shop.sock); start one with `octavo run --app-id "
                + "shop`.")) { try absent.status() }
        let path = "/" + String(repeating: "x", count: 200)
        let long = AdminClient(socket: path, appID: nil, timeout: .seconds(1))
        let error = #expect(throws: AdminClientError.self) { try long.status() }
        #expect(error?.description.contains("has 201 bytes, the most is 107") == true)
    }

    @Test("the client gives up on a runtime that does not answer")
    func silence() async throws {
        let folder = try Folder()
        defer { folder.remove() }
        let socket = folder.path + "/mute.sock"
        let descriptor = try Folder.listen(at: socket)
        defer { close(descriptor) }
        let client = AdminClient(socket: socket, appID: nil, timeout: .milliseconds(50))
        let error = await #expect(throws: AdminClientError.self) { try await client { try $0.status() } }
        #expect(error?.description.contains("gave no answer within 50 ms") == true)
    }

    @Test("the metrics page is there at any path, for GET alone")
    func metrics() async throws {
        let folder = try Folder()
        defer { folder.remove() }
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let socket = folder.path + "/metrics.sock"
        let server = try await Server.bind([.unix(path: socket)], group: group, name: "metrics") { loop, _ in
            LoopApplication(grpc: GRPCRouter(), http: MetricsHandler(backend: MemoryBackend(), eventLoop: loop))
        }
        let exchange = HTTPExchange(socket: socket, timeout: .seconds(20), appID: nil)
        for path in ["/", "/metrics", "/anything?x=y"] {
            let response = try await blocking { try exchange.response(method: "GET", target: path) }
            #expect(response.status == 200)
            #expect(response["content-type"] == "text/plain; version=0.0.4; charset=utf-8")
            #expect(response.body == Array("octavo_up 1\n".utf8))
        }
        #expect(try await blocking { try exchange.response(method: "POST", target: "/metrics").status } == 405)
        await server.drain(grace: .zero)
        try await group.shutdownGracefully()
    }

    @Test("a caller that goes away cancels what it asked for")
    func cancellation() async throws {
        let folder = try Folder()
        defer { folder.remove() }
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let (cancelled, signal) = AsyncStream.makeStream(of: Void.self)
        let socket = folder.path + "/slow.sock"
        let server = try await Server.bind([.unix(path: socket)], group: group, name: "slow") { loop, _ in
            LoopApplication(grpc: GRPCRouter(), http: NeverAnswers(eventLoop: loop, signal: signal))
        }
        let exchange = HTTPExchange(socket: socket, timeout: .milliseconds(200), appID: nil)
        await #expect(throws: AdminClientError.self) {
            try await blocking { try exchange.response(method: "GET", target: "/") }
        }
        for await _ in cancelled { break }
        await server.drain(grace: .zero)
        try await group.shutdownGracefully()
    }
}

/// Answers nothing and tells when a request was cancelled.
private final class NeverAnswers: HTTPHandler {
    private let requests: OpenRequests
    private let signal: AsyncStream<Void>.Continuation

    init(eventLoop: any EventLoop, signal: AsyncStream<Void>.Continuation) {
        requests = OpenRequests(eventLoop: eventLoop)
        self.signal = signal
    }

    func handle(_ request: HTTPRequest) {
        requests.answer(request) { [signal] in
            await withTaskCancellationHandler {
                let (stream, _) = AsyncStream.makeStream(of: Void.self)
                for await _ in stream {}
            } onCancel: {
                signal.yield()
            }
            return .empty
        }
    }
}

/// Runs `work`, which may block, on a thread of its own: the client must not hold one of the few threads that the
/// backend's tasks need.
private func blocking<Result: Sendable>(_ work: @escaping @Sendable () throws -> Result) async throws -> Result {
    try await NIOThreadPool.singleton.runIfActive(work)
}

extension AdminClient {
    /// `work` with this client, as above.
    fileprivate func callAsFunction<Result: Sendable>(
        _ work: @escaping @Sendable (AdminClient) throws -> Result
    ) async throws -> Result {
        try await blocking { try work(self) }
    }
}
