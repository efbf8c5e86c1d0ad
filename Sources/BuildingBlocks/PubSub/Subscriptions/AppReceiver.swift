import NIOCore

/// Takes the events of one subscription to the app: one by one, or many at a time. On its event loop.
final class AppReceiver: EventReceiver {
    /// What the app is given: an HTTP app the envelope, a gRPC app its parts.
    enum Form {
        case envelope
        case parts
    }

    let definition: SubscriptionDefinition
    private let api: PubSubAPI
    private let app: any AppClient
    private let form: Form
    private let tell: (AppReceiver, SubscriptionState) -> Void
    private var subscription: TopicSubscription?
    private let timeout: Duration?
    private let isRaw: Bool
    private var collected: [String: Batch] = [:]
    private var isEnded = false
    /// Events that the app has been given and has not answered.
    private var inFlight = 0
    private var onIdle: (() -> Void)?

    /// Events of one route that wait for company.
    private struct Batch {
        var entries: [AppTopicBatch.Entry] = []
        var held: [HeldEvent] = []
        var timer: Scheduled<Void>?
    }

    /// More than this waits in no batch, whatever was asked for.
    private static let longestBatch = 4096

    /// `tell` is called on the loop, maybe before this returns.
    init(
        _ api: PubSubAPI, _ app: any AppClient, _ definition: SubscriptionDefinition, _ form: Form,
        policy: InboundPolicies.Policy, record: SubscriptionRecord, suspects: SuspectMessages, tell: @escaping (AppReceiver, SubscriptionState) -> Void
    ) throws {
        self.api = api
        self.app = app
        self.definition = definition
        self.form = form
        self.tell = tell
        timeout = policy.timeout
        isRaw = definition.metadata.contains { $0.key.lowercased() == "rawpayload" && PublishOptions.flag($0.value) == true }
        let routes = try EventRoutes(definition)
        let isGRPC = form == .parts
        subscription = try TopicSubscription(
            api, pubsub: definition.pubsub, topic: definition.topic,
            metadata: definition.metadata.sorted { $0.key < $1.key }.map { ($0.key, $0.value) },
            deadLetterTopic: definition.deadLetterTopic, retry: policy.retry,
            window: UInt32(max(Int(TopicSubscription.window), min(definition.bulk?.maximalCount ?? 0, Self.longestBatch))),
            record: record, suspects: suspects, receiver: self
        ) { event in
            // A gRPC app need not name a path.
            routes.path(for: event) ?? (isGRPC && definition.rules.isEmpty ? "" : nil)
        }
    }

    /// Nothing more is given to the app; `done` is called when it has answered what it was given. What comes meanwhile
    /// stays unsettled, and comes again.
    func drain(_ done: @escaping () -> Void) {
        onIdle = done
        subscription?.pause()
        for path in collected.keys { flush(path) }
        if inFlight == 0 { idle() }
    }

    private func idle() {
        guard let done = onIdle else { return }
        onIdle = {}
        done()
    }

    /// `outcomes`: of so many events that the app was given.
    private func answered(_ outcomes: [(HeldEvent, EventOutcome)]) {
        inFlight -= outcomes.count
        for (held, outcome) in outcomes { held.conclude(outcome) }
        if inFlight == 0, !isEnded { idle() }
    }

    /// Also of a receiver that has ended and gone: that the app broke off is told by a connection which may end after it.
    private static func answered(_ receiver: AppReceiver?, _ outcomes: [(HeldEvent, EventOutcome)]) {
        guard let receiver else {
            for (held, outcome) in outcomes { held.conclude(outcome) }
            return
        }
        receiver.answered(outcomes)
    }

    func end() {
        isEnded = true
        for batch in collected.values { batch.timer?.cancel() }
        collected = [:]
        subscription?.end()
        subscription = nil
        // Whoever waits for the app's answers: there will be none.
        idle()
    }

    func changed(_ state: SubscriptionState) {
        if !isEnded { tell(self, state) }
    }

    // MARK: Events

    func deliver(_ event: IncomingEvent, _ held: HeldEvent) {
        guard onIdle == nil else { return }
        var delivery = AppTopicEvent(event, form, isRaw: isRaw && definition.bulk != nil)
        delivery.timeout = timeout
        guard let bulk = definition.bulk else {
            inFlight += 1
            app.deliver(delivery) { [weak self] result in
                switch result {
                case .success(let verdict): Self.answered(self, [(held, EventOutcome(verdict))])
                case .failure(let failure): Self.answered(self, [(held, EventOutcome(failure))])
                }
            }
            return
        }
        guard !held.isOnTrial else {
            return send(Batch(entries: [.init(entryID: api.ids.next(), event: delivery, isRaw: isRaw)], held: [held]), delivery.path)
        }
        collect(delivery, bulk, held)
    }

    private func collect(_ event: AppTopicEvent, _ bulk: SubscriptionDefinition.Bulk, _ held: HeldEvent) {
        let path = event.path
        collected[path, default: Batch()].entries.append(.init(entryID: api.ids.next(), event: event, isRaw: isRaw))
        collected[path]?.held.append(held)
        let count = collected[path]?.entries.count ?? 0
        if count >= min(bulk.maximalCount, Self.longestBatch) { return flush(path) }
        guard count == 1 else { return }
        collected[path]?.timer = api.loop.eventLoop.assumeIsolated().scheduleTask(
            in: .nanoseconds(Int64(bulk.maximalWait / .nanoseconds(1)))
        ) { [weak self] in self?.flush(path) }
    }

    private func flush(_ path: String) {
        guard let batch = collected.removeValue(forKey: path) else { return }
        batch.timer?.cancel()
        send(batch, path)
    }

    private func send(_ batch: Batch, _ path: String) {
        var request = AppTopicBatch(
            id: api.ids.next(), pubsubName: definition.pubsub, topic: definition.topic, path: path, entries: batch.entries)
        request.timeout = timeout
        inFlight += batch.held.count
        app.deliver(request) { [weak self] result in
            switch result {
            case .success(let verdicts):
                Self.answered(self, batch.held.enumerated().map { index, held in
                    (held, index < verdicts.count ? EventOutcome(verdicts[index]) : .retry("the app did not name the message"))
                })
            case .failure(let failure): Self.answered(self, batch.held.map { ($0, EventOutcome(failure)) })
            }
        }
    }
}

extension EventOutcome {
    init(_ failure: AppFailure) {
        switch failure.kind {
        case .unreachable where failure.mayHaveTakenEffect: self = .brokenOff(failure.description)
        case .unreachable, .overloaded: self = .unreached(failure.description)
        default: self = .retry(failure.description)
        }
    }

    init(_ verdict: AppVerdict) {
        switch verdict {
        // The app has no such method: it will not have it the next time.
        case .success, .discard: self = .success
        case .retry: self = .retry("the app asked for it")
        case .drop: self = .drop
        }
    }
}
