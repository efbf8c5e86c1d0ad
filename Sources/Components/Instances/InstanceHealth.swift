import NIOConcurrencyHelpers

/// What is known of a component's backend.
package struct ComponentHealth: Sendable, Equatable {
    package enum State: String, Sendable { case unknown, healthy, degraded, unhealthy }
    package var state: State = .unknown
    package var reason = ""
    /// The last error of the component, whatever its state is by now.
    package var lastError = ""
    /// Seconds since 1970 of the last change of `state`.
    package var since = wallSeconds()
}

/// The health of an instance; told from any thread.
final class InstanceHealth: Sendable {
    private let box = NIOLockedValueBox(ComponentHealth())
    private let seen = NIOLockedValueBox((counters: InstanceCounters(), isOut: false))

    var current: ComponentHealth { box.withLockedValue { $0 } }

    func report(_ state: ComponentHealth.State, _ reason: String) {
        box.withLockedValue { health in
            if health.state != state { health.since = wallSeconds() }
            health.state = state
            health.reason = reason
            if state == .unhealthy || state == .degraded { health.lastError = reason }
        }
    }

    /// Judges by the calls since the last time: outages without a single success are an outage, a success
    /// ends it.
    func learn(from counters: InstanceCounters) {
        let verdict: ComponentHealth.State? = seen.withLockedValue { seen in
            let outages = counters.outages &- seen.counters.outages
            let successes = (counters.calls &- seen.counters.calls) &- (counters.errors &- seen.counters.errors)
            seen.counters = counters
            if outages > 0 {
                seen.isOut = true
                return successes > outages ? .degraded : .unhealthy
            }
            guard seen.isOut, successes > 0 else { return nil }
            seen.isOut = false
            return .healthy
        }
        if let verdict {
            report(verdict, verdict == .healthy ? "" : current.lastError)
        } else if current.state == .unknown {
            report(.healthy, "")
        }
    }

    func note(error: String) { box.withLockedValue { $0.lastError = error } }
}
