import BuildingBlocks
import DaprProtos
import NIOCore
import ProtoWire
import Transport

/// `SubscribeTopicEventsAlpha1`: an app that hears of a topic over a stream that it has opened. Source: Dapr's streaming
/// subscriptions. On the event loop of its call.
final class SubscriptionStream: GRPCStreamReceiver, EventReceiver {
    let api: DaprAPI
    /// What is subscribed to, once that is known.
    private(set) var place: (pubsub: String, topic: String)?
    private let call: GRPCCall
    private var subscription: TopicSubscription?
    private var awaited = AwaitedEvents()
    private var listing: SubscriptionRecord?
    private var isOpen = false
    private var isFull = false
    /// The app must have answered an event by then.
    private var timeout: Duration?

    /// Answers may come in so many at a time.
    private static let answers = 64

    init(_ api: DaprAPI, _ call: GRPCCall) {
        self.api = api
        self.call = call
    }

    // MARK: From the app

    func receive(_ message: UnsafeRawBufferPointer) {
        defer { call.requestMore(1) }
        if subscription != nil, let answer = ProcessedEvent(message), let entry = awaited.remove(answer.id) {
            return conclude(entry, answer.status)
        }
        let request: Dapr_Proto_Runtime_V1_SubscribeTopicEventsRequestAlpha1
        do throws(ProtoError) {
            request = try .init(serializedBytes: message)
        } catch {
            return fail(GRPCStatus(.invalidArgument, "the message is not a valid SubscribeTopicEventsRequestAlpha1: \(error)"))
        }
        switch request.subscribeTopicEventsRequestType {
        case .initialRequest(let initial) where subscription == nil: subscribe(initial)
        case .initialRequest: fail(GRPCStatus(.invalidArgument, "initial request already received"))
        case .eventProcessed(let processed) where subscription != nil: conclude(processed)
        case .eventProcessed, nil: fail(GRPCStatus(.invalidArgument, "initial request is required: the first message must be one"))
        }
    }

    private func subscribe(_ initial: Dapr_Proto_Runtime_V1_SubscribeTopicEventsRequestInitialAlpha1) {
        var definition = SubscriptionDefinition(pubsub: initial.pubsubName, topic: initial.topic)
        definition.metadata = initial.metadata
        definition.deadLetterTopic = initial.deadLetterTopic
        place = (initial.pubsubName, initial.topic)
        let record = api.facts.subscriptions.addStream(definition)
        listing = record
        let policy = api.facts.subscriptions.policies.policy(forPubSub: initial.pubsubName)
        timeout = policy.timeout
        do throws(PubSubFailure) {
            subscription = try TopicSubscription(
                api.pubsub, pubsub: initial.pubsubName, topic: initial.topic,
                metadata: initial.metadata.map { ($0.key, $0.value) },
                deadLetterTopic: initial.hasDeadLetterTopic ? initial.deadLetterTopic : "", retry: policy.retry, record: record, receiver: self)
            call.requestMore(Self.answers - 1)
        } catch {
            fail(APIError(error, appID: api.appID).grpcStatus)
        }
    }

    private func conclude(_ processed: Dapr_Proto_Runtime_V1_SubscribeTopicEventsRequestProcessedAlpha1) {
        var id = processed.id
        // One that is no longer waited for comes again, or is another stream's.
        guard let entry = id.withUTF8({ awaited.remove(UnsafeRawBufferPointer($0)) }) else { return }
        conclude(entry, processed.status.status)
    }

    private func conclude(
        _ entry: AwaitedEvents.Entry, _ status: Dapr_Proto_Runtime_V1_TopicEventResponse.TopicEventResponseStatus
    ) {
        entry.timer?.cancel()
        switch status {
        case .success: conclude(entry, .success, "success")
        case .drop: conclude(entry, .drop, "drop")
        case .retry, .UNRECOGNIZED: conclude(entry, .retry("the app asked for it"), "retry")
        }
    }

    private func conclude(_ entry: AwaitedEvents.Entry, _ outcome: EventOutcome, _ word: String) {
        api.tracer.with(entry.delivery) { entry.held.conclude(outcome) }
        ended(entry, word)
    }

    func end() {
        close()
        call.finish()
    }

    func cancelled(_ reason: GRPCCancelReason) { close() }

    private func fail(_ status: GRPCStatus) {
        close()
        call.fail(status)
    }

    /// What the app has not answered comes again.
    private func close() {
        subscription?.end()
        subscription = nil
        if let listing { api.facts.subscriptions.removeStream(listing) }
        listing = nil
        for entry in awaited.removeAll() {
            entry.timer?.cancel()
            ended(entry, "retry")
        }
    }

    // MARK: To the app

    func deliver(_ event: IncomingEvent, _ held: HeldEvent) {
        let id = event.event.withAttribute(.id) { EventKey($0) }
        var entry = AwaitedEvents.Entry(id: id, held: held, timer: timeout.map { limit(held, $0) })
        if api.tracer.makesSpans || api.tracer.meter != nil { follow(event, &entry) }
        awaited.append(entry)
        // The `event_message` of a SubscribeTopicEventsResponseAlpha1.
        let goesOn = ProtoWriter.with({ $0.nested(2) { TopicEventWriter.write(event, to: &$0) } }) { call.send($0) }
        sent(goesOn)
    }

    private func limit(_ held: HeldEvent, _ timeout: Duration) -> Scheduled<Void> {
        api.pubsub.loop.eventLoop.assumeIsolated().scheduleTask(in: .nanoseconds(Int64(timeout / .nanoseconds(1)))) { [weak self] in
            guard let self, let entry = awaited.remove(held) else { return }
            conclude(entry, .retry("the app did not answer it within \(timeout)"), "retry")
        }
    }

    func changed(_ state: SubscriptionState) {
        switch state {
        case .open where !isOpen:
            isOpen = true
            var message = Dapr_Proto_Runtime_V1_SubscribeTopicEventsResponseAlpha1()
            message.initialResponse = .init()
            send(message)
        case .ended where subscription != nil:
            fail(GRPCStatus(.unavailable, "the component of the subscription was removed"))
        default: break
        }
    }

    private func send(_ message: some Message) {
        sent(message.withSerializedBytes { call.send($0) })
    }

    private func sent(_ goesOn: Bool) {
        guard !goesOn, !isFull else { return }
        // The app reads slower than it is sent to.
        isFull = true
        subscription?.pause()
    }

    func writable() {
        guard isFull else { return }
        isFull = false
        subscription?.resume()
    }
}
