/// The gRPC health service, `grpc.health.v1.Health` with `Check` and `Watch` (gRPC: health-checking.md).
///
/// Confined to one event loop, as is the router that it is added to. Who knows the health of the whole process
/// tells the service of each loop.
package final class HealthService {
    /// The states of the protocol.
    package enum State: UInt8, Sendable {
        case unknown = 0, serving = 1, notServing = 2, serviceUnknown = 3
    }

    private var states: [String: State] = ["": .serving]
    private var watches: [ObjectIdentifier: Watch] = [:]
    private var isShutDown = false

    package init() {}

    /// Sets the state of a service, "" for the whole server, and tells its watchers. Ignored after `shutDown`.
    package func set(_ state: State, for service: String = "") {
        guard !isShutDown, states[service] != state else { return }
        states[service] = state
        for watch in watches.values where watch.service == service { watch.tell(state) }
    }

    /// Sets every known service to `.notServing` for good, as at a drain.
    package func shutDown() {
        for service in states.keys { set(.notServing, for: service) }
        isShutDown = true
    }

    /// Adds `Check` and `Watch`.
    package func add(to router: GRPCRouter) {
        router.unary("/grpc.health.v1.Health/Check") { [self] call, message in check(call, message) }
        router.stream("/grpc.health.v1.Health/Watch") { [self] call in
            let watch = Watch(call, self)
            watches[ObjectIdentifier(watch)] = watch
            return watch
        }
    }

    private func check(_ call: GRPCCall, _ message: UnsafeRawBufferPointer) {
        guard let service = try? WireFormat.string(1, in: message) else {
            return call.fail(GRPCStatus(.invalidArgument, "The message is not a HealthCheckRequest."))
        }
        guard let state = states[service] else {
            return call.fail(GRPCStatus(.notFound, "The service '\(service)' is not known here."))
        }
        Self.encode(state).withUnsafeBytes { call.reply($0) }
    }

    private static func encode(_ state: State) -> [UInt8] {
        state == .unknown ? [] : [0x08, state.rawValue]
    }

    /// One `Watch` call: the state now, and each change.
    private final class Watch: GRPCStreamReceiver {
        private(set) var service: String?
        private let call: GRPCCall
        private unowned let health: HealthService
        private var isFull = false
        /// The newest state that a slow reader has not been sent: older ones are of no use to it.
        private var owed: State?

        init(_ call: GRPCCall, _ health: HealthService) {
            self.call = call
            self.health = health
            call.onCancel = { [weak self] _ in self?.stop() }
        }

        func receive(_ message: UnsafeRawBufferPointer) {
            guard service == nil, let service = try? WireFormat.string(1, in: message) else {
                call.fail(GRPCStatus(.invalidArgument, "Watch takes one HealthCheckRequest."))
                return stop()
            }
            self.service = service
            tell(health.states[service] ?? .serviceUnknown)
        }

        func end() {
            guard service == nil else { return }
            call.fail(GRPCStatus(.invalidArgument, "Watch takes one HealthCheckRequest."))
            stop()
        }

        func tell(_ state: State) {
            guard !isFull else {
                owed = state
                return
            }
            isFull = !HealthService.encode(state).withUnsafeBytes { call.send($0) }
        }

        func writable() {
            isFull = false
            guard let owed else { return }
            self.owed = nil
            tell(owed)
        }

        private func stop() { health.watches[ObjectIdentifier(self)] = nil }
    }
}
