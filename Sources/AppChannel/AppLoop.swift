import BuildingBlocks
import NIOCore
import Tracing
import Transport

/// The app as one event loop sees it. Confined to that loop.
final class AppLoop: AppClient {
    let options: AppChannelOptions
    let client: HTTPClient
    private let index: Int
    private let gate: ConcurrencyGate
    let tracer: LoopTracer
    /// Wakes the loop whose delivery goes on.
    private let wake: (Int) -> Void
    private var waiting = CircularBuffer<() -> Void>()
    private var observers: [any AppObserver] = []
    private(set) var condition: AppCondition
    private(set) var discovery: AppDiscovery?
    /// The app has no `OnBulkTopicEvent`, but may have the one of the alpha service.
    var hasOnlyAlphaBulk = false

    init(
        _ options: AppChannelOptions, target: ClientTarget, eventLoop: any EventLoop, index: Int, gate: ConcurrencyGate, tracer: LoopTracer, busyPoll: BusyPoll?,
        condition: AppCondition, wake: @escaping (Int) -> Void
    ) {
        self.options = options
        self.index = index
        self.gate = gate
        self.tracer = tracer
        self.wake = wake
        self.condition = condition
        var limits = ClientLimits()
        limits.maxResponseSize = options.maxResponseSize
        client = HTTPClient(target, loop: ClientLoop(eventLoop: eventLoop, limits: limits, busyPoll: busyPoll), name: "the app")
    }

    // MARK: What is known

    func observe(_ observer: any AppObserver) {
        observers.append(observer)
        observer.appChanged(condition)
        if let discovery { observer.appDiscovered(discovery) }
    }

    func ignore(_ observer: any AppObserver) { observers.removeAll { $0 === observer } }

    func changed(_ condition: AppCondition) {
        self.condition = condition
        for observer in observers { observer.appChanged(condition) }
    }

    func discovered(_ discovery: AppDiscovery) {
        self.discovery = discovery
        hasOnlyAlphaBulk = false
        for observer in observers { observer.appDiscovered(discovery) }
    }

    // MARK: Deliveries

    func deliver(_ event: AppTopicEvent, _ done: @escaping (Result<AppVerdict, AppFailure>) -> Void) {
        var event = event
        let delivery = follow(&event.trace)
        inTurn(ending(
            delivery, "pubsub", event.topic, event.pubsubName,
            path: options.wire.isGRPC ? "dapr.proto.runtime.v1.AppCallback/OnTopicEvent" : event.path, status: \.status, done)) { [self] in
            delivery.live?.move(to: .app)
            if options.wire.isGRPC { callTopic(event, delivery, $0) } else { postTopic(event, delivery, $0) }
        }
    }

    func deliver(_ batch: AppTopicBatch, _ done: @escaping (Result<[AppVerdict], AppFailure>) -> Void) {
        var batch = batch
        // One request, one span: of the trace that the first message belongs to.
        if batch.trace.parent.isEmpty, let first = batch.entries.first { batch.trace = first.event.trace }
        let delivery = follow(&batch.trace)
        inTurn(ending(
            delivery, "pubsub", batch.topic, batch.pubsubName,
            path: options.wire.isGRPC ? "dapr.proto.runtime.v1.AppCallback/OnBulkTopicEvent" : batch.path,
            status: { $0.allSatisfy { $0.status == "success" } ? "success" : "retry" }, done)) { [self] in
            delivery.live?.move(to: .app)
            if options.wire.isGRPC { callBatch(batch, delivery, $0) } else { postBatch(batch, delivery, $0) }
        }
    }

    func deliver(_ event: AppBindingEvent, _ done: @escaping (Result<AppBindingReply, AppFailure>) -> Void) {
        var event = event
        let delivery = follow(&event.trace)
        inTurn(ending(
            delivery, "bindings", event.name, event.name,
            path: options.wire.isGRPC ? "dapr.proto.runtime.v1.AppCallback/OnBindingEvent" : event.route, status: { _ in "success" }, done)) { [self] in
            delivery.live?.move(to: .app)
            if options.wire.isGRPC { callBinding(event, delivery, $0) } else { postBinding(event, delivery, $0) }
        }
    }

    func tell(configuration body: [UInt8], path: String, _ done: @escaping (AppFailure?) -> Void) {
        inTurn({ (result: Result<Void, AppFailure>) in
            if case .failure(let failure) = result { done(failure) } else { done(nil) }
        }) { [self] in postConfiguration(body, path, $0) }
    }

    func wantsBinding(_ name: String, route: String, _ done: @escaping (Result<Bool, AppFailure>) -> Void) {
        if options.wire.isGRPC { listBindings { done($0.map { $0.contains(name) }) } } else { askBinding(route, done) }
    }

    // MARK: At a time

    /// Runs `start` when the app may get another delivery, and lets the next one go on when it is answered.
    func inTurn<Value>(
        _ done: @escaping (Result<Value, AppFailure>) -> Void,
        _ start: @escaping (_ done: @escaping (Result<Value, AppFailure>) -> Void) -> Void
    ) {
        let begin = { [self] in
            start { [self] result in
                left()
                done(result)
            }
        }
        switch gate.enter(index) {
        case .now: begin()
        case .later: waiting.append(begin)
        case .refused:
            let failure = AppFailure(
                .overloaded, "\(options.maxWaiting) deliveries wait for the app already.", mayHaveTakenEffect: false)
            let bound = NIOLoopBound(done, eventLoop: client.loop.eventLoop)
            client.loop.eventLoop.execute { bound.value(.failure(failure)) }
        }
    }

    /// Whether the app takes any number at a time.
    var isUnlimited: Bool { gate.isUnlimited }

    private func left() {
        if let next = gate.leave() { wake(next) }
    }

    /// The turn has come for the first that waits here.
    func goOn() { waiting.popFirst()?() }
}
