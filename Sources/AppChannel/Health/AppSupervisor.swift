import BuildingBlocks
import Logging
import NIOCore
import NIOPosix
import Transport
import Tracing

/// Does what `AppMonitor` decides: tries the port, probes, asks the app about itself, and tells every loop. Confined to the
/// first event loop.
final class AppSupervisor {
    private let loop: AppLoop
    private let logger: Logger
    private let tell: (AppCondition) -> Void
    private let reached: () -> Void
    private let found: (AppDiscovery) -> Void
    private var monitor: AppMonitor
    private var isStopped = false
    private var rounds = 0

    private var portTimer: Scheduled<Void>?
    private var probeTimer: Scheduled<Void>?
    private var discoveryTimer: Scheduled<Void>?
    private var isCheckingPort = false
    private var mustCheckAgain = false
    private var isProbing = false
    private var isDiscovering = false

    init(
        _ loop: AppLoop, logger: Logger, tell: @escaping (AppCondition) -> Void, reached: @escaping () -> Void,
        found: @escaping (AppDiscovery) -> Void
    ) {
        self.reached = reached
        self.loop = loop
        self.logger = logger
        self.tell = tell
        self.found = found
        monitor = AppMonitor(probes: loop.options.probes, portCheckInterval: loop.options.portCheckInterval)
    }

    private var eventLoop: any EventLoop { loop.client.loop.eventLoop }

    func start() { handle(.started) }

    func stop() {
        isStopped = true
        for timer in [portTimer, probeTimer, discoveryTimer] { timer?.cancel() }
    }

    /// A connection of some loop has been lost.
    func connectionLost() {
        let isSteady = loop.options.wire == .h2c || loop.options.wire.isGRPC
        handle(.connectionLost(isSteady: isSteady))
    }

    private func handle(_ event: AppMonitor.Event) {
        guard !isStopped else { return }
        for action in monitor.handle(event) {
            switch action {
            case .checkPort(let after): schedule(&portTimer, after) { $0.checkPort() }
            case .probe(let after): schedule(&probeTimer, after) { $0.probe() }
            case .discover(let after): schedule(&discoveryTimer, after) { $0.discover() }
            case .announce(let condition): announce(condition)
            case .reached: reached()
            }
        }
    }

    private func schedule(_ timer: inout Scheduled<Void>?, _ after: Duration, _ body: @escaping (AppSupervisor) -> Void) {
        timer?.cancel()
        let bound = NIOLoopBound((self, body), eventLoop: eventLoop)
        timer = eventLoop.scheduleTask(in: TimeAmount(after)) {
            if !bound.value.0.isStopped { bound.value.1(bound.value.0) }
        }
    }

    private func announce(_ condition: AppCondition) {
        let address = loop.options.endpoint.text
        switch condition {
        case .up: logger.info("the app is up", metadata: ["address": "\(address)"])
        case .down(let reason):
            logger.warning("the app is down; deliveries pause", metadata: ["address": "\(address)", "cause": "\(reason)"])
        case .waiting(let reason):
            logger.debug("waiting for the app", metadata: ["address": "\(address)", "cause": "\(reason)"])
        case .absent: break
        }
        tell(condition)
    }

    // MARK: The port

    private func checkPort() {
        guard !isCheckingPort else {
            mustCheckAgain = true
            return
        }
        isCheckingPort = true
        let bootstrap = ClientBootstrap(group: eventLoop).connectTimeout(.seconds(2))
        let connected =
            switch loop.options.endpoint {
            case .tcp(let host, let port): bootstrap.connect(host: host, port: port)
            case .unix(let path): bootstrap.connect(unixDomainSocketPath: path)
            }
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        connected.whenComplete { result in
            let this = bound.value
            this.isCheckingPort = false
            switch result {
            case .success(let channel):
                channel.close(promise: nil)
                this.handle(.portAccepted)
            case .failure(let error):
                let cause = HTTPClient.cause(error, target: this.loop.client.target)
                this.handle(.portRefused("\(this.loop.options.endpoint.text) does not accept connections: \(cause)"))
            }
            if this.mustCheckAgain {
                this.mustCheckAgain = false
                this.checkPort()
            }
        }
    }

    // MARK: Probes

    private func probe() {
        guard !isProbing, let probes = loop.options.probes else { return }
        isProbing = true
        let isGRPC = loop.options.wire.isGRPC, began = monotonicNow()
        let done = { [self] (cause: String?, status: String) in
            isProbing = false
            loop.tracer.meter?.probed(isGRPC: isGRPC, status: status, nanoseconds: monotonicNow() &- began)
            handle(cause.map { .probeFailed("its health check failed: \($0)") } ?? .probeSucceeded)
        }
        if isGRPC {
            loop.checkHealth(timeout: probes.timeout) { result in
                if case .failure(let failure) = result { done(failure.description, failure.code) } else { done(nil, "OK") }
            }
        } else {
            loop.send("GET", probes.path, [], nil, timeout: probes.timeout) { result in
                switch result {
                case .failure(let failure): done(failure.description, failure.code)
                case .success(let response):
                    done(200..<300 ~= response.status ? nil : "GET \(probes.path) gave status \(response.status)", "\(response.status)")
                }
            }
        }
    }

    // MARK: Discovery

    private func discover() {
        guard !isDiscovering else { return schedule(&discoveryTimer, .milliseconds(50)) { $0.discover() } }
        isDiscovering = true
        loop.discover(round: rounds + 1, logger) { [self] result in
            isDiscovering = false
            guard !isStopped else { return }
            switch result {
            case .success(let discovery):
                // What an app said that is gone by now is asked again when it is back.
                guard monitor.condition.isUp else { return }
                rounds += 1
                logger.info(
                    "the app has been asked about itself", metadata: [
                        "subscriptions": "\(discovery.subscriptions.count)", "round": "\(discovery.round)",
                    ])
                found(discovery)
                handle(.discovered)
            case .failure(let failure):
                logger.warning("the app can't be asked about itself yet", metadata: ["cause": "\(failure)"])
                handle(.discoveryFailed)
            }
        }
    }
}
