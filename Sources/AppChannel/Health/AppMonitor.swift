import BuildingBlocks

/// Decides whether the app is up and when it is asked about itself. A pure state machine: what happened goes in, what to
/// do comes out. Each action takes the place of one of the same kind that is still to come.
struct AppMonitor {
    enum Event: Equatable {
        case started
        case portAccepted
        case portRefused(String)
        case probeSucceeded
        case probeFailed(String)
        /// A connection that was up is gone. `isSteady`: it would have stayed, had the app not ended (HTTP/2).
        case connectionLost(isSteady: Bool)
        case discovered
        case discoveryFailed
    }

    enum Action: Equatable {
        case checkPort(after: Duration)
        case probe(after: Duration)
        case discover(after: Duration)
        case announce(AppCondition)
        /// The port accepts for the first time.
        case reached
    }

    private let probes: AppChannelOptions.Probes?
    private let portCheckInterval: Duration

    private(set) var condition: AppCondition
    private var isReached = false
    private var hasBeenUp = false
    private var hasBeenReached = false
    private var failures = 0
    private var portBackoff = Backoff(first: .milliseconds(50), limit: .seconds(1))
    private var probeBackoff: Backoff
    private var discoveryBackoff = Backoff(first: .milliseconds(100), limit: .seconds(5))
    private var needsDiscovery = true
    /// A connection that should have stayed is gone: if the port accepts, another process may be behind it.
    private var mayHaveRestarted = false

    init(probes: AppChannelOptions.Probes?, portCheckInterval: Duration) {
        self.probes = probes
        self.portCheckInterval = portCheckInterval
        probeBackoff = Backoff(first: .milliseconds(100), limit: probes?.interval ?? .seconds(5))
        condition = .waiting(reason: "its port has not been tried yet")
    }

    mutating func handle(_ event: Event) -> [Action] {
        switch event {
        case .started: [.checkPort(after: .zero)]
        case .portAccepted: portAccepted()
        case .portRefused(let reason): portRefused(reason)
        case .probeSucceeded: probeSucceeded()
        case .probeFailed(let reason): probeFailed(reason)
        case .connectionLost(let isSteady): connectionLost(isSteady)
        case .discovered: discovered()
        case .discoveryFailed: discoveryFailed()
        }
    }

    private mutating func portAccepted() -> [Action] {
        portBackoff.reset()
        var actions: [Action] = probes == nil ? [.checkPort(after: portCheckInterval)] : []
        guard isReached else {
            isReached = true
            if !hasBeenReached {
                hasBeenReached = true
                actions.append(.reached)
            }
            needsDiscovery = true
            mayHaveRestarted = false
            failures = 0
            probeBackoff.reset()
            if probes == nil { return actions + goUp() }
            return actions + [.probe(after: .zero)]
        }
        if mayHaveRestarted {
            mayHaveRestarted = false
            needsDiscovery = true
            if condition.isUp { actions.append(.discover(after: .zero)) }
        }
        return actions
    }

    private mutating func portRefused(_ reason: String) -> [Action] {
        isReached = false
        mayHaveRestarted = false
        return goDown(reason) + [.checkPort(after: portBackoff.next())]
    }

    private mutating func probeSucceeded() -> [Action] {
        guard isReached, let probes else { return [] }
        failures = 0
        probeBackoff.reset()
        return (condition.isUp ? [] : goUp()) + [.probe(after: probes.interval)]
    }

    private mutating func probeFailed(_ reason: String) -> [Action] {
        guard isReached, let probes else { return [] }
        failures += 1
        guard condition.isUp else {
            // An app that has just opened its port is asked sooner than every interval.
            return goDown(reason) + [.probe(after: hasBeenUp && failures > probes.threshold ? probes.interval : probeBackoff.next())]
        }
        guard failures >= probes.threshold else { return [.probe(after: probes.interval)] }
        needsDiscovery = true
        return goDown(reason) + [.probe(after: probes.interval)]
    }

    private mutating func connectionLost(_ isSteady: Bool) -> [Action] {
        guard isReached else { return [] }
        if isSteady { mayHaveRestarted = true }
        return [.checkPort(after: .zero)]
    }

    private mutating func discovered() -> [Action] {
        discoveryBackoff.reset()
        if condition.isUp { needsDiscovery = false }
        return []
    }

    private mutating func discoveryFailed() -> [Action] {
        guard condition.isUp, needsDiscovery else { return [] }
        return [.discover(after: discoveryBackoff.next())]
    }

    private mutating func goUp() -> [Action] {
        hasBeenUp = true
        condition = .up
        return [.announce(.up)] + (needsDiscovery ? [.discover(after: .zero)] : [])
    }

    private mutating func goDown(_ reason: String) -> [Action] {
        let next: AppCondition = hasBeenUp ? .down(reason: reason) : .waiting(reason: reason)
        guard next != condition else { return [] }
        condition = next
        return [.announce(next)]
    }

    /// Doubles from `first` to `limit`.
    private struct Backoff {
        let first: Duration
        let limit: Duration
        private var current: Duration?

        init(first: Duration, limit: Duration) {
            self.first = min(first, limit)
            self.limit = limit
        }

        mutating func next() -> Duration {
            let result = current ?? first
            current = min(limit, result * 2)
            return result
        }

        mutating func reset() { current = nil }
    }
}
