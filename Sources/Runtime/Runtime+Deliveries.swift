import AppChannel
import BuildingBlocks
import Components
import Logging
import NIOConcurrencyHelpers
import NIOCore

/// Takes topics to the app, those of resources and those that it names itself, and the events of the input bindings that it
/// wants.
struct AppDelivery: Sendable {
    let app: AppChannel?
    let loops: [NIOLoopBound<CallLoop>]
    let state: RuntimeState
    /// Of every event loop, once they have begun.
    let deliveries: NIOLockedValueBox<[NIOLoopBound<any AppDeliveries>]>
    let logger: Logger

    /// The subscriptions of resources are these from now on. The first time it begins. Does nothing without an app.
    func set(_ declared: [SubscriptionDefinition]) async {
        guard let app else {
            if !declared.isEmpty {
                logger.warning(
                    "nobody hears of the subscriptions of the resource files: the runtime knows no app; give its port with --app-port",
                    metadata: ["subscriptions": "\(declared.count)"])
            }
            return
        }
        let begun = deliveries.withLockedValue { $0 }
        guard begun.isEmpty else {
            for one in begun {
                try? await one.eventLoop.submit { (one.value as? AppSubscriptions)?.setDeclared(declared) }.get()
            }
            return
        }
        for (index, loop) in loops.enumerated() {
            let made = try? await loop.eventLoop.submit { [self] in
                let share = AppSubscriptions.Share(index: index, count: loops.count), client = app.client(onLoop: index)
                let isGRPC = app.options.wire.isGRPC
                let topics = AppSubscriptions(
                    PubSubAPI(loop: loop.value, identity: state.identity), client, isGRPC: isGRPC, declared: declared, share: share,
                    directory: state.subscriptions, logger: Logger(label: "octavo.subscriptions"))
                let bindings = AppBindings(
                    loop: loop.value, identity: state.identity, client, isGRPC: isGRPC, share: share,
                    policies: { [directory = state.subscriptions] in directory.policies }, logger: Logger(label: "octavo.bindings"))
                return [topics, bindings].map { (one: any AppDeliveries) in NIOLoopBound(one, eventLoop: loop.eventLoop) }
            }.get()
            guard let made else { return }
            deliveries.withLockedValue { $0 += made }
        }
    }
}

extension Runtime {
    /// Fetches nothing more and waits until the app has answered what it was given, at most `limit`.
    func drainDeliveries(within limit: Duration) async {
        let all = deliveries.withLockedValue { $0 }
        guard !all.isEmpty else { return }
        let (stream, continuation) = AsyncStream.makeStream(of: Bool.self)
        let end = Task {
            try? await Task.sleep(for: limit)
            continuation.finish()
        }
        for one in all { one.eventLoop.execute { one.value.drain { continuation.yield(true) } } }
        var drained = 0
        for await _ in stream {
            drained += 1
            if drained == all.count { break }
        }
        end.cancel()
        if drained < all.count {
            logger.warning(
                "the app has not answered all messages and events in time; they come again", metadata: ["waited": "\(limit)"])
        }
    }

    /// No more messages to the app; what it has not answered comes again after the next start.
    func endDeliveries() async {
        for one in deliveries.withLockedValue({ $0 }) {
            try? await one.eventLoop.submit { one.value.end() }.get()
        }
    }
}
