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

    var current: ComponentHealth { box.withLockedValue { $0 } }

    func report(_ state: ComponentHealth.State, _ reason: String) {
        box.withLockedValue { health in
            if health.state != state { health.since = wallSeconds() }
            health.state = state
            health.reason = reason
            if state == .unhealthy || state == .degraded { health.lastError = reason }
        }
    }

    func note(error: String) { box.withLockedValue { $0.lastError = error } }
}
