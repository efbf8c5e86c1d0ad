import Components
import Glibc
import Logging
import NIOPosix

extension Runtime {
    /// Starts the app, waits for a reason to stop, and stops in order.
    func runUntilStopped() async -> Int32 {
        var app: AppProcess?
        if !options.appCommand.isEmpty {
            await awaitListening()
            do throws(AppProcess.Failure) {
                let process = try AppProcess(command: options.appCommand, environment: appEnvironment)
                app = process
                logger.info("app started", metadata: ["pid": "\(process.processID)"])
                state.setExtendedMetadata("appPID", String(process.processID))
                state.setExtendedMetadata("appCommand", options.appCommand.joined(separator: " "))
                state.setExtendedMetadata("cliPID", String(getpid()))
                Task { [events] in events.put(.appEnded(code: await process.wait())) }
            } catch {
                logger.critical("the app can't start", metadata: ["cause": "\(error)"])
                await stop()
                return 127
            }
        }
        var code: Int32 = 0
        events: for await event in events.stream {
            switch event {
            case .signal(SIGHUP) where !Self.hasTerminal:
                Task { [resources] in _ = await resources.reload() }
            case .signal(let number):
                logger.info("stopping", metadata: ["signal": "\(number)"])
                await quiesce()
                app?.signal(number)
                break events
            case .shutdownRequested(let force):
                if force { exit(0) }
                logger.info("stopping", metadata: ["cause": "asked for by the API"])
                await quiesce()
                app?.signal(SIGTERM)
                break events
            case .appEnded(let ended):
                logger.info("app ended", metadata: ["exit-code": "\(ended)"])
                code = ended
                app = nil
                break events
            case .fatal(let cause):
                logger.critical("stopping: a component that must start can't", metadata: ["cause": "\(cause)"])
                app?.signal(SIGTERM)
                code = 1
                break events
            }
        }
        if let app { code = await end(app, code) }
        // Nothing is to be served on for an app that has ended.
        await stop(blocks: options.appCommand.isEmpty)
        return code
    }

    /// Of a service SIGHUP asks to read the files again; of a program in a terminal it tells that the terminal has gone.
    private static let hasTerminal: Bool = {
        let descriptor = Glibc.open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC)
        if descriptor >= 0 { close(descriptor) }
        return descriptor >= 0
    }()

    /// Before the app is told to end it answers what it has been given; the APIs stay until it has ended.
    private func quiesce() async {
        state.setDraining()
        // Blocked shutdown begins with everything as it was.
        if options.shutdown.block == nil { await takeNoMore() }
    }

    /// No new calls, messages and events for the app; those that it has are answered.
    private func takeNoMore() async {
        await withdraw()
        async let delivered: Void = drainDeliveries(within: options.shutdown.grace)
        await peers.drain(grace: options.shutdown.grace)
        await delivered
    }

    /// Waits for the app's end, at most the grace period, which begins when nothing blocks any more; a second signal, or the end of it,
    /// kills.
    private func end(_ app: AppProcess, _ code: Int32) async -> Int32 {
        let deadline = Task { [events, options] in
            if let block = options.shutdown.block {
                await serveOn(for: block)
                if Task.isCancelled { return }
                await takeNoMore()
            }
            try? await Task.sleep(for: options.shutdown.grace)
            if !Task.isCancelled { events.put(.shutdownRequested(force: true)) }
        }
        defer { deadline.cancel() }
        for await event in events.stream {
            switch event {
            case .appEnded(let ended): return code == 0 ? ended : code
            case .signal, .shutdownRequested(force: true):
                logger.warning("the app has not ended in time; killing it", metadata: ["pid": "\(app.processID)"])
                app.signal(SIGKILL)
            default: break
            }
        }
        return code
    }

    /// Listeners exist by the time a runtime does; what is waited for is the first look at the components.
    private func awaitListening() async {
        while !state.isOutboundReady, await store.hasUnsettledComponents() {
            try? await Task.sleep(for: .milliseconds(2))
        }
    }

    private var appEnvironment: [(String, String)] {
        var variables = [
            ("APP_ID", options.appID), ("DAPR_HTTP_PORT", String(port("http"))),
            ("DAPR_GRPC_PORT", String(port("grpc"))), ("DAPR_METRICS_PORT", String(port("metrics"))),
            ("APP_PROTOCOL", options.app.protocol.rawValue),
        ]
        if let port = options.app.port { variables.append(("APP_PORT", String(port))) }
        if options.app.channelAddress != "127.0.0.1" {
            variables.append(("APP_CHANNEL_ADDRESS", options.app.channelAddress))
        }
        return variables
    }

    /// Readiness down, no new connections, what is in flight finishes, what goes on for ever ends, components close.
    /// `blocks`: as long as the options say everything goes on before.
    func stop(blocks: Bool = false) async {
        state.setDraining()
        if blocks, let block = options.shutdown.block { await serveOn(for: block) }
        await drainDeliveries(within: options.shutdown.grace)
        await resources.end()
        await endDeliveries()
        state.configurationSubscriptions.endAll()
        await withdraw()
        following.withLockedValue { $0.forEach { $0.cancel() } }
        await endpoints.end()
        await peers.drain(grace: options.shutdown.grace)
        await api.drain(grace: options.shutdown.grace)
        for loop in invocations { try? await loop.eventLoop.submit { loop.value.close() }.get() }
        // While there are components to tell of.
        await export?.end(within: .seconds(3))
        await store.shutdown()
        await app?.stop()
        await tracing.end()
        await metrics?.drain(grace: .zero)
        await admin?.drain(grace: .zero)
        for loop in loops { try? await loop.eventLoop.submit { loop.value.close() }.get() }
        try? await group.shutdownGracefully()
        logger.info("stopped")
    }
}
