import BuildingBlocks
import Components
import Glibc
import Logging
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import Transport

@testable import DaprAPI

/// What a test says about the runtime.
final class Facts: RuntimeFacts {
    struct Settings: Sendable {
        var identity = AppIdentity(appID: "app")
        var app: AppConnection?
        var apiToken: String?
        var apiRules = APIRules()
        var secretScopes: [SecretAccess] = []
        var notReady: [String] = []
        var httpEndpoints: [String] = []
        var isOutboundReady = true
        var configurationReceiver: (any ConfigurationReceiver)?
    }

    let settings: Settings
    private let kept = NIOLockedValueBox<[String: String]>([:])
    private let stops = NIOLockedValueBox<[Bool]>([])

    init(_ settings: Settings) { self.settings = settings }

    var httpEndpoints: [String] { settings.httpEndpoints }

    var identity: AppIdentity { settings.identity }
    var version: String { "1.2.3" }
    var app: AppConnection? { settings.app }
    var apiToken: String? { settings.apiToken }
    var apiRules: APIRules { settings.apiRules }
    var secretScopes: [SecretAccess] { settings.secretScopes }
    let subscriptions = SubscriptionDirectory()
    let configurationSubscriptions = ConfigurationSubscriptions()
    var configurationReceiver: (any ConfigurationReceiver)? { settings.configurationReceiver }
    var notReady: [String] { settings.notReady }
    var isOutboundReady: Bool { settings.isOutboundReady }
    var extendedMetadata: [String: String] { kept.withLockedValue { $0 } }
    func setExtendedMetadata(_ key: String, _ value: String) { kept.withLockedValue { $0[key] = value } }
    func registeredComponents(_ done: @escaping @Sendable ([RegisteredComponent]) -> Void) {
        done([RegisteredComponent(name: "store", type: "state.scripted", version: "v1", capabilities: ["ETAG"])])
    }
    func shutdown(force: Bool) { stops.withLockedValue { $0.append(force) } }
    /// One for each request to stop: whether it was forced.
    var shutdowns: [Bool] { stops.withLockedValue { $0 } }
}

/// Both wire APIs on a free port, over real components.
struct Sidecar {
    let port: Int
    let facts: Facts

    /// Serves while `body` runs. `components`: name, type and metadata of each; they are ready by then.
    static func run(
        _ components: [(name: String, type: String, metadata: [String: String])] = [("store", "state.scripted", [:])],
        _ settings: Facts.Settings = Facts.Settings(), startMode: ComponentDefinition.StartMode = .required,
        waits: Bool = true, _ body: (Sidecar) async throws -> Void
    ) async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        var loops: [NIOLoopBound<CallLoop>] = []
        for (index, loop) in group.makeIterator().enumerated() {
            loops.append(
                try await loop.submit {
                    NIOLoopBound(CallLoop(eventLoop: loop, index: index, logger: logger)!, eventLoop: loop)
                }.get())
        }
        let data = Fixture.temporaryFolder()
        let store = try ComponentStore(
            options: .init(
                pluginFolders: [Fixture.folder], dataFolder: data, appID: settings.identity.appID,
                namespace: settings.identity.namespace), loops: loops, logger: logger)
        let facts = Facts(settings)
        let made = loops
        let server = try await Server.bind([.tcp(host: "127.0.0.1", port: 0)], group: group, name: "test") { _, index in
            let api = DaprAPI(loop: made[index].value, facts: facts)
            let router = GRPCRouter()
            api.register(router)
            return LoopApplication(grpc: router, http: DaprHTTPHandler(api))
        }
        var failure: (any Error)?
        do {
            for component in components {
                var definition = ComponentDefinition(
                    name: component.name, type: component.type,
                    metadata: component.metadata.map { .init(name: $0.key, value: $0.value) })
                definition.startMode = startMode
                try await store.add(definition)
            }
            if waits, startMode == .required { try await waitUntilReady(loops[0], components.map(\.name)) }
            try await body(Sidecar(port: server.addresses[0].port!, facts: facts))
        } catch {
            failure = error
        }
        await server.drain(grace: .milliseconds(200))
        await store.shutdown()
        for loop in loops { try? await loop.eventLoop.submit { loop.value.close() }.get() }
        try await group.shutdownGracefully()
        Fixture.remove(data)
        if let failure { throw failure }
    }

    struct NotReady: Error {}

    private static func waitUntilReady(_ loop: NIOLoopBound<CallLoop>, _ names: [String]) async throws {
        for _ in 0..<2000 {
            let isReady = try await loop.eventLoop.submit {
                names.allSatisfy { loop.value.component(named: $0)?.isReady == true }
            }.get()
            if isReady { return }
            try await Task.sleep(for: .milliseconds(5))
        }
        throw NotReady()
    }
}

/// The plugins `scripted.c` and `keeper.c` of `Tests/Fixtures/plugins`, compiled once.
enum Fixture {
    static let folder: String = {
        let folder = temporaryFolder()
        for name in ["scripted", "keeper"] { compile(name, into: folder) }
        atexit { Fixture.remove(Fixture.folder) }
        return folder
    }()

    private static func compile(_ name: String, into folder: String) {
        let root = #filePath.split(separator: "/").dropLast(4).reduce("") { $0 + "/" + $1 }
        let words = [
            "cc", "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-I\(root)/sdk-c/include", "-o",
            "\(folder)/\(name).so", "\(root)/Tests/Fixtures/plugins/\(name).c", "-lpthread",
        ]
        var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        var process: pid_t = 0
        var status: Int32 = -1
        if posix_spawnp(&process, words[0], nil, nil, &arguments, environ) == 0 {
            while waitpid(process, &status, 0) < 0, errno == EINTR {}
        }
        precondition(status == 0, "the fixture \(name) does not compile")
    }

    static func temporaryFolder() -> String {
        var template = Array("/tmp/octavo-dapr-api-XXXXXX".utf8CString)
        return String(cString: mkdtemp(&template)!)
    }

    /// Removes a folder and what is in it.
    static func remove(_ path: String) {
        if let folder = opendir(path) {
            while let entry = readdir(folder) {
                let name = withUnsafePointer(to: &entry.pointee.d_name) {
                    $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                }
                if name != ".", name != ".." { remove(path + "/" + name) }
            }
            closedir(folder)
        }
        _ = Glibc.remove(path)
    }
}
