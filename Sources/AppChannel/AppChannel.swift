package import BuildingBlocks
package import Invocation
package import Logging
import NIOConcurrencyHelpers
package import NIOCore
package import Tracing
package import Transport

/// The way to the app beside the runtime: one `AppClient` for each event loop, and one watch over the app's health that
/// tells them all. Any thread.
package final class AppChannel: Sendable {
    private struct Known {
        var condition: AppCondition
        var discovery: AppDiscovery?
        var observers: [@Sendable (AppCondition) -> Void] = []
        /// Those who wait for the app's port; nil when it has accepted.
        var awaitsPort: [@Sendable () -> Void]? = []
    }

    /// What the app speaks and where.
    package let options: AppChannelOptions
    private let eventLoops: [any EventLoop]
    private let loops: [NIOLoopBound<AppLoop>]
    private let supervisor: NIOLoopBound<AppSupervisor>
    private let known: NIOLockedValueBox<Known>
    private let gate: ConcurrencyGate

    /// Begins to watch the app. `tracer` and `busyPoll` give those of the loop of an index, on that loop. Throws when TLS can't be set up.
    package static func start(
        _ options: AppChannelOptions, loops eventLoops: [any EventLoop], logger: Logger,
        tracer: @escaping @Sendable (Int) -> LoopTracer = { _ in LoopTracer() },
        busyPoll: @escaping @Sendable (Int) -> BusyPoll? = { _ in nil }
    ) async throws -> AppChannel {
        let target = try options.target
        let gate = ConcurrencyGate(limit: options.maxConcurrency, maxWaiting: options.maxWaiting)
        let known = NIOLockedValueBox(Known(condition: .waiting(reason: "its port has not been tried yet")))
        let made = NIOLockedValueBox<[NIOLoopBound<AppLoop>]>([])
        for (index, eventLoop) in eventLoops.enumerated() {
            let loop = try await eventLoop.submit {
                NIOLoopBound(
                    AppLoop(
                        options, target: target, eventLoop: eventLoop, index: index, gate: gate, tracer: tracer(index), busyPoll: busyPoll(index),
                        condition: known.withLockedValue { $0.condition },
                        wake: { next in
                            // Not from inside the delivery that ends.
                            let loop = made.withLockedValue { $0[next] }
                            loop.eventLoop.execute { loop.value.goOn() }
                        }),
                    eventLoop: eventLoop)
            }.get()
            made.withLockedValue { $0.append(loop) }
        }
        let loops = made.withLockedValue { $0 }
        let first = loops[0]
        let supervisor = try await first.eventLoop.submit {
            let supervisor = AppSupervisor(first.value, logger: logger) { condition in
                let observers = known.withLockedValue { known in
                    known.condition = condition
                    return known.observers
                }
                for loop in loops { loop.eventLoop.execute { loop.value.changed(condition) } }
                for observer in observers { observer(condition) }
            } reached: {
                let waiting = known.withLockedValue { known in
                    defer { known.awaitsPort = nil }
                    return known.awaitsPort ?? []
                }
                for body in waiting { body() }
            } found: { discovery in
                known.withLockedValue { $0.discovery = discovery }
                for loop in loops { loop.eventLoop.execute { loop.value.discovered(discovery) } }
            }
            return NIOLoopBound(supervisor, eventLoop: first.eventLoop)
        }.get()
        for loop in loops {
            loop.eventLoop.execute {
                loop.value.client.onConnectionLost = { supervisor.eventLoop.execute { supervisor.value.connectionLost() } }
            }
        }
        first.eventLoop.execute { supervisor.value.start() }
        return AppChannel(options, eventLoops, loops, supervisor, known, gate)
    }

    private init(
        _ options: AppChannelOptions, _ eventLoops: [any EventLoop], _ loops: [NIOLoopBound<AppLoop>],
        _ supervisor: NIOLoopBound<AppSupervisor>, _ known: NIOLockedValueBox<Known>, _ gate: ConcurrencyGate
    ) {
        self.options = options
        self.eventLoops = eventLoops
        self.loops = loops
        self.supervisor = supervisor
        self.known = known
        self.gate = gate
    }

    /// The app for the loop of that index. Only on that loop.
    package func client(onLoop index: Int) -> any AppClient { loops[index].value }

    /// The app as other apps call it, for the loop of that index. Only on that loop.
    package func invoked(onLoop index: Int) -> any InvokedApp { loops[index].value }

    /// Whether the app is up, as known now.
    package var condition: AppCondition { known.withLockedValue { $0.condition } }

    /// What the app said about itself last.
    package var discovery: AppDiscovery? { known.withLockedValue { $0.discovery } }

    /// How many deliveries wait for `AppChannelOptions.maxConcurrency`.
    package var waitingDeliveries: Int { gate.waiting }

    /// Calls `body` with what is known, and on every change from then on, on any thread.
    package func observe(_ body: @escaping @Sendable (AppCondition) -> Void) {
        let condition = known.withLockedValue { known in
            known.observers.append(body)
            return known.condition
        }
        body(condition)
    }

    /// Calls `body` once, as soon as the app's port has accepted for the first time, on any thread.
    package func whenReached(_ body: @escaping @Sendable () -> Void) {
        let isReached = known.withLockedValue { known in
            known.awaitsPort?.append(body)
            return known.awaitsPort == nil
        }
        if isReached { body() }
    }

    /// Stops watching and closes every connection; what is in flight fails.
    package func stop() async {
        try? await supervisor.eventLoop.submit { [supervisor] in supervisor.value.stop() }.get()
        for loop in loops { try? await loop.eventLoop.submit { loop.value.client.close() }.get() }
    }
}
