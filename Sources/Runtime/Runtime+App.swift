import AppChannel
import BuildingBlocks
import Components
import Logging
import NIOConcurrencyHelpers
import NIOCore
import Transport

extension Runtime {
    /// Begins to look for the app; nil when the options name none.
    static func appChannel(_ options: RuntimeOptions, _ loops: [NIOLoopBound<CallLoop>]) async throws -> AppChannel? {
        guard let endpoint = options.app.endpoint, let wire = AppChannelOptions.Wire(rawValue: options.app.protocol.rawValue)
        else { return nil }
        var channel = AppChannelOptions(appID: options.appID, endpoint: endpoint, wire: wire)
        channel.authorities = options.app.authorities
        channel.token = environmentVariable("APP_API_TOKEN") ?? ""
        channel.maxConcurrency = options.app.maxConcurrency
        channel.asksConfiguration = options.app.asksConfiguration
        channel.asksSubscriptions = options.app.asksSubscriptions
        channel.bindingTimeout = options.app.bindingTimeout
        channel.maxResponseSize = max(options.api.maxBodySize, 64 << 10)
        channel.probes = options.appHealth.map {
            var probes = AppChannelOptions.Probes()
            probes.path = $0.path
            probes.interval = $0.interval
            probes.timeout = $0.timeout
            probes.threshold = $0.threshold
            return probes
        }
        return try await AppChannel.start(channel, loops: loops.map(\.eventLoop), logger: Logger(label: "octavo.app"))
    }

    /// Keeps readiness true to the app: it is waited for once. Source: Dapr, which begins when the app's port accepts.
    func followApp() {
        guard let app else { return }
        app.whenReached { [self] in
            state.set(appNotReady: nil)
            announceReadiness()
        }
    }

    /// Says once that everything is up.
    func announceReadiness() {
        guard state.notReady.isEmpty, announced.withLockedValue({ was in
            defer { was = true }
            return !was
        }) else { return }
        let took = ContinuousClock.now - startedAt
        logger.info(
            "You're up and running!",
            metadata: ["app-id": "\(options.appID)", "started-in": "\(took.formattedMilliseconds)"])
    }

    /// Returns after `duration`, or as soon as the app is down.
    func serveOn(for duration: Duration) async {
        guard let app else {
            try? await Task.sleep(for: duration)
            return
        }
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
        app.observe { if !$0.isUp { continuation.finish() } }
        let end = Task {
            try? await Task.sleep(for: duration)
            continuation.finish()
        }
        for await _ in stream {}
        end.cancel()
    }
}

extension AppOptions {
    /// Where the app listens; nil when it does not.
    var endpoint: Server.Endpoint? {
        if channelAddress.hasPrefix("unix:") { return .unix(path: String(channelAddress.dropFirst(5))) }
        return port.map { .tcp(host: channelAddress, port: $0) }
    }
}
