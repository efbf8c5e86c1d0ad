/// The gRPC health service, `grpc.health.v1.Health` with `Check` and `Watch` (gRPC: health-checking.md).
///
/// Confined to one event loop, as is the router that it is added to. Who knows the health of the whole process
/// tells the service of each loop.
package final class HealthService {
    /// The states of the protocol.
    package enum State: UInt8, Sendable {
        case unknown = 0, serving = 1, notServing = 2, serviceUnknown = 3
    }

    package init() {}

    /// Sets the state of a service, "" for the whole server, and tells its watchers.
    package func set(_ state: State, for service: String = "") {}

    /// Sets every known service to `.notServing`, as at a drain.
    package func shutDown() {}

    /// Adds `Check` and `Watch`.
    package func add(to router: GRPCRouter) {}
}
