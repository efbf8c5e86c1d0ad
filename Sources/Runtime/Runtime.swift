import AdminAPI
import AppChannel
import BuildingBlocks
import Components
import DaprAPI
import DaprProtos
import Glibc
import Invocation
import Logging
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import Resources
import Telemetry
import TelemetryExport
import Transport

/// A running runtime: its event loops, components and listeners.
final class Runtime: Sendable {
    let options: RuntimeOptions
    let logger: Logger
    let events: EventQueue
    let group: MultiThreadedEventLoopGroup
    let loops: [NIOLoopBound<CallLoop>]
    let store: ComponentStore
    let state: RuntimeState
    let api: Server
    /// For other runtimes.
    let peers: Server
    let invocations: [NIOLoopBound<InvocationLoop>]
    let listeners: [Listener]
    let admin: Server?
    let metrics: Server?
    let startedAt: ContinuousClock.Instant
    let configuration: ResourceReading.Configuration
    let tracing: RuntimeTracing
    /// Sends metrics to a collector; nil: nobody asks for that.
    let export: MetricsExport?
    /// The way to the app; nil without one.
    let app: AppChannel?
    /// Whether the log has said that everything is up.
    let announced = NIOLockedValueBox(false)
    /// What is wrong with pipelines, as the log has said.
    let toldProblems = NIOLockedValueBox<[String]>([])
    /// What is on its way to the app, of every event loop.
    let deliveries: NIOLockedValueBox<[NIOLoopBound<any AppDeliveries>]>
    /// Looks after the certificates, of the API and for other runtimes.
    let following = NIOLockedValueBox<[Task<Void, Never>]>([])
    /// What the resource files name.
    let resources: LiveResources
    let endpoints: HTTPEndpoints

    /// A bound address and what is served there.
    struct Listener: Sendable {
        let purpose: String
        let address: SocketAddress

        var text: String {
            if let path = address.pathname, !path.isEmpty { return path }
            let host = address.ipAddress ?? ""
            return host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]:\(address.port ?? 0)" : "\(host):\(address.port ?? 0)"
        }
    }

    private init(
        options: RuntimeOptions, logger: Logger, events: EventQueue, group: MultiThreadedEventLoopGroup,
        loops: [NIOLoopBound<CallLoop>], store: ComponentStore, state: RuntimeState, api: Server, peers: Server,
        invocations: [NIOLoopBound<InvocationLoop>], listeners: [Listener], startedAt: ContinuousClock.Instant, configuration: ResourceReading.Configuration,
        registry: MetricsRegistry, crashReports: CrashReports, app: AppChannel?, tracing: RuntimeTracing, export: MetricsExport?, meters: RuntimeMeters,
        requests: MetricFamily<Histogram>
    ) async throws {
        self.tracing = tracing
        self.export = export
        let deliveries = NIOLockedValueBox<[NIOLoopBound<any AppDeliveries>]>([])
        self.deliveries = deliveries
        let delivery = AppDelivery(app: app, loops: loops, state: state, deliveries: deliveries, logger: logger)
        let endpoints = HTTPEndpoints(
            store, invocations, interval: configuration.secretInterval, logger: Logger(label: "octavo.invocation"),
            names: { [state] in state.set(endpoints: $0) })
        self.endpoints = endpoints
        resources = LiveResources(
            options, configuration, store, logger: logger,
            policies: { [state, loops] set in
                state.set(set)
                for loop in loops { loop.eventLoop.execute { loop.value.govern(by: state.policies) } }
            },
            endpoints: { await endpoints.set($0) },
            subscribed: { await delivery.set($0.map { SubscriptionDefinition($0) }) })
        self.app = app
        self.configuration = configuration
        self.options = options
        self.logger = logger
        self.events = events
        self.group = group
        self.loops = loops
        self.store = store
        self.state = state
        self.api = api
        self.peers = peers
        self.invocations = invocations
        self.startedAt = startedAt
        let backend = RuntimeBackend(
            options: options, store: store, state: state, loops: loops, api: api, startedAt: startedAt,
            registry: registry, crashReports: crashReports, app: app, resources: resources, tracing: tracing, meters: meters,
            requests: requests)
        let admin = try await AdminServer.bind(path: options.adminSocket, backend: backend, group: group)
        var all = listeners
        all.append(Listener(purpose: "admin", address: try SocketAddress(unixDomainSocketPath: options.adminSocket)))
        self.admin = admin
        if options.metrics.enabled {
            let metrics = try await AdminServer.bindMetrics(
                host: options.metrics.listenAddress, port: options.metrics.port, backend: backend, group: group)
            all += metrics.addresses.map { Listener(purpose: "metrics", address: $0) }
            self.metrics = metrics
        } else {
            metrics = nil
        }
        self.listeners = all
        backend.setListeners(all)
        export?.begin { await backend.metrics() }
    }

    /// Listens first; components start in the background.
    static func start(_ options: RuntimeOptions, logger: Logger, events: EventQueue) async throws -> Runtime {
        let startedAt = ContinuousClock.now
        if !options.ignoredFlags.isEmpty {
            logger.info(
                "flags that change nothing here", metadata: ["flags": "\(options.ignoredFlags.joined(separator: " "))"])
        }
        if let cause = FolderCheck.problem(options.dataFolder) {
            throw StartError("the data folder \(options.dataFolder) can't be used: \(cause); give another with --data-dir")
        }
        makeFolders(options.dataFolder)
        let configuration = try ResourceReading.configuration(options, logger: logger)
        let crashReports = CrashReports(dataFolder: options.dataFolder, logger: logger)
        var isolation = IsolationOptions(options, configuration.isolation)
        isolation.onCrash = { crashReports.add($0) }
        record(options, crashReports, isolates: isolation.isolatesCrashed, logger: logger)
        let group = MultiThreadedEventLoopGroup(numberOfThreads: options.eventLoops ?? System.coreCount)
        let eventLoops = Array(group.makeIterator())
        let registry = MetricsRegistry(loops: eventLoops.count)
        let namespace = environmentVariable("NAMESPACE") ?? ""
        let resource = ExportResource(appID: options.appID, namespace: namespace, environment: ResourceReading.environment)
        let tracing = try await RuntimeTracing.start(
            configuration.tracing, resource, appID: options.appID, environment: ResourceReading.environment, registry: registry, eventLoop: eventLoops[0])
        let export = try await RuntimeExport.make(
            configuration.metrics, resource, environment: ResourceReading.environment, registry: registry, eventLoop: eventLoops[0])
        let meters = RuntimeMeters(registry, configuration.metrics, isRead: options.metrics.enabled || export != nil, options, namespace: namespace)
        let loops = try await makeLoops(eventLoops, tracing, meters, logger: Logger(label: "octavo.components"))
        let polls = try await makePolls(eventLoops, options.busyPoll)
        var storeOptions = ComponentStore.Options(
            pluginFolders: options.pluginFolders, dataFolder: options.dataFolder, appID: options.appID,
            namespace: namespace)
        storeOptions.metrics = ComponentMetrics(
            registry, loops: loops.count, named: meters.dapr.map { _ in .init(appID: options.appID, namespace: namespace, scale: meters.scale) })
        storeOptions.isolation = isolation
        if options.watchesPlugins ?? configuration.watchesPlugins { storeOptions.watchQuiet = .milliseconds(200) }
        storeOptions.secretInterval = configuration.secretInterval
        let store = try ComponentStore(
            options: storeOptions, loops: loops, logger: Logger(label: "octavo.components"))
        let state = RuntimeState(
            identity: AppIdentity(appID: options.appID, namespace: namespace), version: Version.current,
            app: options.app.port.map {
                AppConnection(
                    port: $0, protocol: options.app.protocol.rawValue, channelAddress: options.app.channelAddress,
                    maxConcurrency: options.app.maxConcurrency ?? 0,
                    health: options.appHealth.map {
                        AppConnection.Health(
                            path: $0.path, interval: $0.interval, timeout: $0.timeout, threshold: $0.threshold)
                    })
            },
            apiToken: environmentVariable("DAPR_API_TOKEN").flatMap { $0.isEmpty ? nil : $0 },
            apiRules: configuration.apiRules, secretScopes: configuration.secretScopes)
        state.attach(store)
        let limits = SharedLimits(loops[0], namespace: namespace, logger: Logger(label: "octavo.policies"))
        state.policies.reserve { limits.reserve($0, $1) }
        state.onShutdown { force in events.put(.shutdownRequested(force: force)) }
        await store.onFatal { cause in events.put(.fatal(cause)) }

        let app = try await appChannel(options, loops, polls)
        if let app {
            if !app.options.wire.isGRPC {
                state.set(configurationReceiver: AppConfigurationReceiver(app, loops.map(\.eventLoop)))
            }
            // From its first time on the app may come and go without touching readiness.
            state.set(appNotReady: "the app does not accept connections yet")
        }

        let observation = observation(options, configuration, registry)
        let security = Logger(label: "octavo.security")
        let certificates = try PeerCertificates(options, configuration.mutualTLS, namespace: namespace, registry: registry, named: meters.dapr, logger: security)
        if let access = configuration.accessControl { tell(access, certificates, security) }
        let invocations = try await invocations(
            options, loops, namespace, app, try certificates?.security(), configuration.accessControl.map { AccessControl($0) },
            state.policies, configuration.pipelines, polls)
        let own = try APICertificates(options.tls, registry: registry, logger: security)
        let (api, listeners) = try await listen(options, group, loops, state, observation, invocations, configuration.pipelines, own, polls)
        let (peers, peerListeners) = try await listenForPeers(options, group, invocations, loops, observation, certificates, polls, logger: security)
        let runtime = try await Runtime(
            options: options, logger: logger, events: events, group: group, loops: loops, store: store, state: state,
            api: api, peers: peers, invocations: invocations, listeners: listeners + peerListeners, startedAt: startedAt, configuration: configuration, registry: registry,
            crashReports: crashReports, app: app, tracing: tracing, export: export, meters: meters, requests: observation.family)
        state.setListening()
        for listener in runtime.listeners {
            logger.info("listening", metadata: ["for": "\(listener.purpose)", "address": "\(listener.text)"])
        }
        Task { await runtime.startComponents() }
        runtime.followApp()
        if let certificates { runtime.following.withLockedValue { $0.append(Task { await certificates.follow(peers, invocations) }) } }
        if let own { runtime.following.withLockedValue { $0.append(Task { await own.follow(api) }) } }
        Task { await store.followFiles() }
        Task { await store.followSecrets() }
        return runtime
    }

    /// What of the access control has no effect as things are.
    private static func tell(_ access: AccessControlSettings, _ certificates: PeerCertificates?, _ logger: Logger) {
        guard let identity = certificates?.credentials.identity else {
            logger.warning(
                "without certificates nobody knows which app calls: the default action of the access control holds for all",
                metadata: ["default-action": "\(access.defaultAction.rawValue)", "policies": "\(access.policies.count)"])
            return
        }
        if let domain = access.trustDomain, domain != identity.trustDomain {
            logger.warning(
                "the access control's trustDomain is not that of the certificate, which counts",
                metadata: ["trustDomain": "\(domain)", "certificate": "\(identity)"])
        }
    }

    /// How requests are measured and logged.
    struct Observation: Sendable {
        let family: MetricFamily<Histogram>
        let log: RequestObserver.Log?
    }

    private static func observation(
        _ options: RuntimeOptions, _ configuration: ResourceReading.Configuration, _ registry: MetricsRegistry
    ) -> Observation {
        let logging = configuration.apiLogging
        // The flag overrides the configuration, as in Dapr.
        let isLogging = options.api.logRequests ?? logging.isEnabled
        return Observation(
            family: RequestObserver.family(registry),
            log: isLogging
                ? RequestObserver.Log(
                    logger: Logger(label: "octavo.api"), obfuscatesURLs: logging.obfuscatesURLs,
                    omitsHealthChecks: logging.omitsHealthChecks) : nil)
    }

    private static func makePolls(_ eventLoops: [any EventLoop], _ window: Duration) async throws -> [NIOLoopBound<BusyPoll>] {
        var polls: [NIOLoopBound<BusyPoll>] = []
        for loop in eventLoops {
            polls.append(try await loop.submit { NIOLoopBound(BusyPoll(eventLoop: loop, window: window), eventLoop: loop) }.get())
        }
        return polls
    }

    private static func makeLoops(
        _ eventLoops: [any EventLoop], _ tracing: RuntimeTracing, _ meters: RuntimeMeters, logger: Logger
    ) async throws -> [NIOLoopBound<CallLoop>] {
        var loops: [NIOLoopBound<CallLoop>] = []
        for (index, eventLoop) in eventLoops.enumerated() {
            let loop = try await eventLoop.submit { () throws -> NIOLoopBound<CallLoop> in
                FlightRecorder.loopBegan()
                let tracer = tracing.loopTracer()
                tracer.meter = meters.loop(index)
                guard let loop = CallLoop(eventLoop: eventLoop, index: index, logger: logger, tracer: tracer) else {
                    throw StartError("no memory for the calls of event loop \(index)")
                }
                return NIOLoopBound(loop, eventLoop: eventLoop)
            }.get()
            loops.append(loop)
        }
        return loops
    }

    private static func listen(
        _ options: RuntimeOptions, _ group: MultiThreadedEventLoopGroup, _ loops: [NIOLoopBound<CallLoop>],
        _ state: RuntimeState, _ observation: Observation, _ invocations: [NIOLoopBound<InvocationLoop>], _ pipelines: Pipelines,
        _ certificates: APICertificates?, _ polls: [NIOLoopBound<BusyPoll>]
    ) async throws -> (Server, [Listener]) {
        var endpoints: [Server.Endpoint] = []
        var purposes: [String] = []
        if let folder = options.api.unixSocketFolder {
            for purpose in ["http", "grpc"] {
                endpoints.append(.unix(path: "\(folder)/dapr-\(options.appID)-\(purpose).socket"))
                purposes.append(purpose)
            }
        } else {
            for host in options.api.listenAddresses {
                endpoints += [.tcp(host: host, port: options.api.httpPort), .tcp(host: host, port: options.api.grpcPort)]
                purposes += ["http", "grpc"]
            }
        }
        var limits = Server.Limits()
        limits.maxBodySize = options.api.maxBodySize
        limits.maxHeaderBytes = max(options.api.readBufferSize, 4096)
        let origins = AllowedOrigins(options.api.allowedOrigins)
        let reflection = ReflectionService(files: DaprDescriptors.decoded())
        let server = try await Server.bind(endpoints, group: group, limits: limits, tls: try certificates?.context(), name: "api") { loop, index in
            let api = DaprAPI(loop: loops[index].value, facts: state, invocation: invocations[index].value, origins: origins)
            let router = GRPCRouter()
            let observer = RequestObserver(observation.family, loop: index, log: observation.log, tracer: loops[index].value.tracer,
                appIsGRPC: options.app.protocol.rawValue.hasPrefix("grpc"))
            router.observe = { observer.ended($0, $1, $2) }
            api.register(router)
            reflection.add(to: router)
            let health = HealthService()
            health.set(.serving)
            health.add(to: router)
            let handler = DaprHTTPHandler(api, observe: { observer.ended($0, $1, $2) })
            let http = Pipelines.handler(handler, pipelines.api, loops[index].value)
            return LoopApplication(
                grpc: router, http: origins.isOff ? http : CrossOriginHandler(origins, http), busyPoll: polls[index].value)
        }
        return (server, zip(purposes, server.addresses).map { Listener(purpose: $0, address: $1) })
    }

    func port(_ purpose: String) -> Int { listeners.first { $0.purpose == purpose }?.address.port ?? 0 }
}

/// Why the runtime can't start.
struct StartError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

func environmentVariable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
