import AppChannel
import Components
import Governance
import Invocation
import Logging
import Middleware
import NIOCore
import NIOPosix
import Resources
import Transport

/// Service invocation: the listener for other runtimes, and this runtime among those that others find.
extension Runtime {
    /// The component that knows where apps are. It is the runtime's own, beside those of resource files.
    static let resolver = "octavo-name-resolution"

    static func invocations(
        _ options: RuntimeOptions, _ loops: [NIOLoopBound<CallLoop>], _ namespace: String, _ app: AppChannel?,
        _ security: InvocationSecurity?, _ access: AccessControl?, _ policies: PolicyBook, _ pipelines: Pipelines, _ polls: [NIOLoopBound<BusyPoll>]
    ) async throws -> [NIOLoopBound<InvocationLoop>] {
        var made: [NIOLoopBound<InvocationLoop>] = []
        for (index, loop) in loops.enumerated() {
            made.append(
                try await loop.eventLoop.submit {
                    NIOLoopBound(
                        InvocationLoop(
                            loop: loop.value, appID: options.appID, namespace: namespace, resolver: resolver,
                            app: app?.invoked(onLoop: index), policies: policies, security: security, access: access,
                            pipeline: MiddlewarePipeline(pipelines.app, loop: loop.value), busyPoll: polls[index].value),
                        eventLoop: loop.eventLoop)
                }.get())
        }
        return made
    }

    static func listenForPeers(
        _ options: RuntimeOptions, _ group: MultiThreadedEventLoopGroup, _ invocations: [NIOLoopBound<InvocationLoop>],
        _ loops: [NIOLoopBound<CallLoop>], _ observation: Observation, _ certificates: PeerCertificates?, _ polls: [NIOLoopBound<BusyPoll>],
        logger: Logger
    ) async throws -> (Server, [Listener]) {
        // Without certificates nobody from another machine is to call the app.
        let standard = certificates == nil ? "127.0.0.1" : "0.0.0.0"
        let host = options.api.internalListenAddress.isEmpty ? standard : options.api.internalListenAddress
        if certificates == nil, !isOfThisMachine(host) {
            logger.warning(
                "anybody who reaches this address can call the app as any other app: give certificates (--tls-internal-cert), or listen on 127.0.0.1",
                metadata: ["address": "\(host)", "flag": "--dapr-internal-grpc-listen-address"])
        }
        var limits = Server.Limits()
        limits.maxHeaderBytes = max(options.api.readBufferSize, 4096) + 4096
        // Nobody stays for long by a certificate that has ended since.
        if certificates != nil { limits.maxConnectionAge = .seconds(3600) }
        let server = try await Server.bind(
            [.tcp(host: host, port: options.api.internalGRPCPort)], group: group, limits: limits,
            tls: try certificates.map { try TLSServerContext($0.credentials) }, name: "internal"
        ) { _, index in
            let router = GRPCRouter()
            let observer = RequestObserver(observation.family, loop: index, log: observation.log, tracer: loops[index].value.tracer,
                appIsGRPC: options.app.protocol.rawValue.hasPrefix("grpc"))
            let handler = InternalHandler(invocations[index].value, observe: { observer.invoked($0, $1, $2) })
            router.observe = { observer.invoked($0, $1, $2) }
            handler.register(router)
            return LoopApplication(grpc: router, http: handler, busyPoll: polls[index].value)
        }
        return (server, server.addresses.map { Listener(purpose: "internal", address: $0) })
    }

    private static func isOfThisMachine(_ host: String) -> Bool { host.hasPrefix("127.") || host == "::1" || host == "localhost" }

    /// The resolver, unless the configuration names another: a file that the runtimes of this user share.
    static func resolverDefinition(
        _ options: RuntimeOptions, _ settings: NameResolutionSettings?
    ) -> ComponentDefinition {
        if let settings {
            var definition = ComponentDefinition(name: resolver, type: "nameresolution." + settings.component)
            definition.version = settings.version
            definition.metadata = settings.settings.map { .init(name: $0.name, value: $0.value) }
            definition.startMode = .lazy
            return definition
        }
        let folder = options.dataFolder.split(separator: "/").dropLast().map { "/" + $0 }.joined()
        var definition = ComponentDefinition(name: resolver, type: "nameresolution.sqlite")
        definition.metadata = [.init(name: "connectionString", value: (folder.isEmpty ? "/" : folder) + "/names.db")]
        definition.startMode = .lazy
        return definition
    }

    private var instance: Advertiser.Instance? {
        guard let listener = listeners.first(where: { $0.purpose == "internal" }), let port = listener.address.port else { return nil }
        let host = listener.address.ipAddress ?? "127.0.0.1"
        let reached = environmentVariable("DAPR_HOST_IP") ?? (host == "0.0.0.0" || host == "::" ? "127.0.0.1" : host)
        return Advertiser.Instance(
            app: options.appID, namespace: environmentVariable("NAMESPACE") ?? "", name: "\(options.appID)-\(reached):\(port)",
            host: reached, port: port)
    }

    /// Lets others find this runtime; tries until it succeeds or the runtime stops.
    func advertise() async {
        guard let instance else { return }
        var pause = Duration.milliseconds(250)
        while !state.isDraining {
            guard let cause = await tell(instance, { $0.advertise($1, $2) }) else { return }
            logger.warning(
                "other apps can't find this one yet", metadata: ["cause": "\(cause)", "again-in": "\(pause)"])
            try? await Task.sleep(for: pause)
            pause = min(pause * 2, .seconds(30))
        }
    }

    /// No new calls from others; those that are on their way still come.
    func withdraw() async {
        guard let instance, let cause = await tell(instance, { $0.withdraw($1, $2) }) else { return }
        logger.warning("other apps may still look for this one", metadata: ["cause": "\(cause)"])
    }

    private func tell(
        _ instance: Advertiser.Instance,
        _ body: @escaping @Sendable (Advertiser, Advertiser.Instance, @escaping (String?) -> Void) -> Void
    ) async -> String? {
        let loop = loops[0]
        let promise = loop.eventLoop.makePromise(of: String?.self)
        loop.eventLoop.execute { body(Advertiser(loop.value, component: Self.resolver), instance) { promise.succeed($0) } }
        return try? await promise.futureResult.get()
    }
}
