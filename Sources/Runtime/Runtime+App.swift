import AppChannel
import BuildingBlocks
import Components
import Logging
import NIOConcurrencyHelpers
import NIOCore
import Transport

extension Runtime {
    /// Begins to look for the app; nil when the options name none.
    static func appChannel(
        _ options: RuntimeOptions, _ loops: [NIOLoopBound<CallLoop>], _ polls: [NIOLoopBound<BusyPoll>]
    ) async throws -> AppChannel? {
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
        return try await AppChannel.start(channel, loops: loops.map(\.eventLoop), logger: Logger(label: "octavo.app"), tracer: { loops[$0].value.tracer },
            busyPoll: { polls[$0].value })
    }

    /// Subscriptions are waited for so long once the app's port accepts: what is in their way may last.
    private static let openingLimit = Duration.seconds(10)

    /// Keeps readiness true to the app: it is waited for once, and so are the subscriptions that are known then. Source: Dapr,
    /// which begins when the app's port accepts.
    func followApp() {
        guard let app else { return }
        app.whenReached { [self] in
            state.set(appNotReady: "the subscriptions of the app are being opened")
            Task {
                await awaitOpenings()
                state.set(appNotReady: nil)
                announceReadiness()
            }
        }
    }

    /// Returns when every subscription of the app has been opened once or could not be: what is published from then on is
    /// not lost where a broker keeps nothing for those who come later.
    private func awaitOpenings() async {
        let limit = ContinuousClock.now + Self.openingLimit
        while let missing = await unopened(), !state.isDraining {
            guard ContinuousClock.now < limit else {
                logger.warning(
                    "the runtime is ready though not all subscriptions of the app are open",
                    metadata: ["waited": "\(Self.openingLimit)", "missing": "\(missing)"])
                return
            }
            try? await Task.sleep(for: .milliseconds(2))
        }
    }

    /// What openings are waited for, in words; nil: none. A component that is not there, or can't start, opens nothing.
    private func unopened() async -> String? {
        guard let all = state.subscriptions.unopened else { return "the app has not said what it subscribes to" }
        if all.isEmpty { return nil }
        let opening = Set(await store.componentFacts().filter { ["waiting", "starting", "ready"].contains($0.state) }.map(\.name))
        let missing = all.filter { opening.contains($0.pubsub) }
        return missing.isEmpty ? nil : missing.map { "\($0.topic) of \($0.pubsub)" }.joined(separator: ", ")
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
