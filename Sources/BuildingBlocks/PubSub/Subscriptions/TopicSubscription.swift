import COctavo
import Components
package import Governance
import JSONText
import Logging
import NIOCore

/// A topic that the app hears of: opens the source, takes events out of messages, has them delivered, settles them.
/// On one event loop.
package final class TopicSubscription {
    let api: PubSubAPI
    package let component: PubSubComponent
    package let topic: String
    package let deadLetterTopic: String
    private let isRaw: Bool
    let policy: DeliveryPolicy
    private let route: (CloudEvent) -> String?
    /// Until the end.
    private var receiver: (any EventReceiver)?
    private var source: ComponentSource?
    private let handler = Handler()
    private let record: SubscriptionRecord
    /// Given to the receiver and not concluded.
    private var held = 0
    /// Shared by all that the app hears of; nil: nothing is suspected of ending it.
    let suspects: SuspectMessages?
    var waiting = WaitingSuspects()
    /// Since when (monotonic) it is open.
    var openedAt: Int64 = 0
    /// With what all its messages have in common.
    var hasher = Hasher()

    static let logger = Logger(label: "octavo.subscriptions")

    /// Events that the app may have at a time, unless more are asked for.
    package static let window: UInt32 = 256

    /// `receiver` is held until `end()`, and so is this. `record` is told what the subscription does. `suspects`: where the messages are
    /// known that may have ended the app. `route`: the path for an event, `nil` when no rule takes it. Throws when this app may not
    /// hear of the topic.
    package init(
        _ api: PubSubAPI, pubsub: String, topic: String, metadata: [(String, String)], deadLetterTopic: String,
        group: String? = nil, retry: RetryPolicy? = nil, window: UInt32 = TopicSubscription.window,
        record: SubscriptionRecord, suspects: SuspectMessages? = nil, receiver: any EventReceiver,
        route: @escaping (CloudEvent) -> String? = { _ in "" }
    ) throws(PubSubFailure) {
        component = try api.component(pubsub)
        guard !topic.isEmpty else { throw .emptyTopic(pubsub: pubsub) }
        guard component.scopes.maySubscribe(to: topic) else { throw .forbidden(pubsub: pubsub, topic: topic) }
        self.api = api
        self.topic = topic
        self.deadLetterTopic = deadLetterTopic
        policy = DeliveryPolicy(retry, hasDeadLetter: !deadLetterTopic.isEmpty)
        self.route = route
        self.receiver = receiver
        self.record = record
        self.suspects = suspects
        hasher.combine(pubsub)
        hasher.combine(topic)
        isRaw = metadata.contains { $0.0.lowercased() == "rawpayload" && PublishOptions.flag($0.1) == true }
        // Ours: streams of one app that don't share the messages.
        let own = metadata.first { $0.0.lowercased() == "consumerid" && !$0.1.isEmpty }?.1
        let component = self.component, identity = api.identity
        handler.subscription = self
        source = ComponentSource(of: component.ref, window: window, handler: handler) { ref, source, waiter in
            // The component's settings may be others than when it was opened last.
            guard TopicScopes(ref.runtimeSettings, appID: identity.appID).maySubscribe(to: topic) else {
                return waiter.failed(
                    CallError(
                        code: OCTAVO_CODE_PERMISSION_DENIED, reason: "FORBIDDEN",
                        message: "the component's settings do not let this app subscribe to the topic any more"))
            }
            let group = group ?? own ?? component.consumer ?? identity.appID
            let extra = metadata.reduce(0) { $0 + $1.0.utf8.count + $1.1.utf8.count + 40 }
            guard
                var slot = ref.open(
                    OCTAVO_PUBSUB_OP_SUBSCRIBE, octavo_pubsub_subscribe_request.self,
                    bytes: topic.utf8.count + group.utf8.count + deadLetterTopic.utf8.count + extra + 32,
                    deadline: ComponentSource.openDeadline, waiter: waiter)
            else { return }
            let request = slot.request
            request.pointee.source = source
            request.pointee.topic = slot.text(topic)
            request.pointee.group = slot.text(group)
            if !deadLetterTopic.isEmpty { request.pointee.dead_letter_topic = slot.text(deadLetterTopic) }
            if !metadata.isEmpty { request.pointee.head.metadata = slot.pairs(metadata) }
            slot.submit()
        }
    }

    /// Nothing more is fetched until `resume()`.
    package func pause() { source?.pause() }
    package func resume() { source?.resume() }

    /// Ends it; what is unsettled comes again, to whoever subscribes next.
    package func end() {
        receiver = nil
        handler.subscription = nil
        source?.end()
        source = nil
        waiting.end()
        record.figures.forget(held)
        held = 0
    }

    fileprivate func changed(_ state: SubscriptionState) {
        switch state {
        // Who ended it says why.
        case .ended: break
        case .waiting:
            // What waits for its trial is of an opening that is no more.
            waiting.end()
            openedAt = monotonicNanoseconds()
            record.become(.waiting)
        case .open:
            openedAt = monotonicNanoseconds()
            record.become(.active)
            record.setOpened()
        case .failed(let cause, _):
            waiting.end()
            record.become(.retrying(cause: cause))
            record.setOpened()
        }
        receiver?.changed(state)
    }

    // MARK: Events

    private func received(_ delivery: Delivery, _ message: octavo_pubsub_message) {
        let isBare = isRaw || message.content_type.starts(with: "application/octet-stream")
        if isBare {
            let event = EventEnvelope.wrapping(message.data.bytes, id: api.ids.next(), pubsub: component.name, topic: String(message.topic))
            // Its id is another one each time.
            event.withUnsafeBytes { deliver(delivery, message, $0, suspects == nil ? nil : message.data.bytes) }
        } else {
            deliver(delivery, message, message.data.bytes, nil)
        }
    }

    /// `bare`: what the message is known by, unless that is the event's id.
    private func deliver(
        _ delivery: Delivery, _ message: octavo_pubsub_message, _ bytes: UnsafeRawBufferPointer, _ bare: UnsafeRawBufferPointer?
    ) {
        let event: CloudEvent
        do throws(JSONError) {
            event = try CloudEvent(bytes)
        } catch {
            // It will not get better.
            return giveUp(delivery, message, .warning, "it is not a CloudEvent in JSON: \(error)")
        }
        if event.isExpired(at: EventTime.now()) { return giveUp(delivery, message, .debug, "its time is over") }
        guard let path = route(event) else { return giveUp(delivery, message, .debug, "no rule of the subscription takes it") }
        let kept = deadLetterTopic.isEmpty ? nil : KeptMessage(message)
        let incoming = IncomingEvent(
            event: event, pubsub: component.name, topic: topic, path: path,
            metadata: message.metadata.elements(as: octavo_pair.self).map { (String($0.name), String($0.value)) })
        guard suspects != nil else { return give(delivery, kept, Int(message.attempt), 0, incoming, nil) }
        let key = key(of: event, bare)
        let admission = admission(of: key)
        if case .ordinary = admission { return give(delivery, kept, Int(message.attempt), key, incoming, nil) }
        take(WaitingSuspects.Entry(delivery, kept, Int(message.attempt), key, incoming), admission)
    }

    func give(
        _ delivery: Delivery, _ kept: KeptMessage?, _ attempt: Int, _ key: SuspectMessages.Key, _ event: IncomingEvent,
        _ trial: SuspectMessages.Trial?
    ) {
        guard let receiver else { return settle(delivery, OCTAVO_SETTLE_RETRY) }
        held += 1
        record.figures.gave(monotonicNanoseconds())
        receiver.deliver(event, HeldEvent(self, delivery, kept, attempt, key, trial))
    }

    func concluded(
        _ delivery: Delivery, _ kept: KeptMessage?, _ attempt: Int, _ key: SuspectMessages.Key, _ outcome: EventOutcome
    ) {
        // After the end nothing can be settled.
        guard source != nil, held > 0 else { return }
        held -= 1
        record.figures.answered(monotonicNanoseconds())
        switch outcome {
        case .success: settle(delivery, OCTAVO_SETTLE_ACK)
        case .drop: moveToDeadLetter(delivery, kept)
        case .unreached(let cause), .brokenOff(let cause):
            // Also one that is convicted now: when it comes again that is found, by whichever subscription has it then.
            say(.debug, "a message is delivered again", cause)
            record.figures.addRetried()
            again(delivery, policy.pauseUnreached())
        case .retry(let cause):
            guard let pause = policy.pause(attempt: attempt) else { return moveToDeadLetter(delivery, kept) }
            say(.debug, "a message is delivered again", cause)
            record.figures.addRetried()
            again(delivery, pause)
        }
    }

    func again(_ delivery: Delivery, _ pause: Duration) {
        let nanoseconds = Int64(pause / .nanoseconds(1))
        guard !component.has(UInt64(OCTAVO_PUBSUB_NATIVE_DELAY)) else {
            return settle(delivery, OCTAVO_SETTLE_RETRY, delay: nanoseconds)
        }
        api.loop.eventLoop.assumeIsolated().scheduleTask(in: .nanoseconds(nanoseconds)) { [weak self] in
            self?.settle(delivery, OCTAVO_SETTLE_RETRY)
        }
    }

    /// What nobody will take: to the dead-letter topic, if there is one.
    private func giveUp(_ delivery: Delivery, _ message: octavo_pubsub_message, _ level: Logger.Level, _ cause: String) {
        say(level, "a message does not reach the app", cause)
        moveToDeadLetter(delivery, deadLetterTopic.isEmpty ? nil : KeptMessage(message))
    }

    private func say(_ level: Logger.Level, _ text: Logger.Message, _ cause: String) {
        Self.logger.log(
            level: level, text, metadata: ["pubsub": "\(component.name)", "topic": "\(topic)", "cause": "\(cause)"])
    }

    /// `suspect`: it is none any more once the dead-letter topic has it, as it may be published again when the app has been mended.
    func moveToDeadLetter(_ delivery: Delivery, _ kept: KeptMessage?, suspect: SuspectMessages.Key? = nil) {
        guard let kept else {
            record.figures.addDropped()
            return settle(delivery, OCTAVO_SETTLE_DROP)
        }
        if component.has(UInt64(OCTAVO_PUBSUB_NATIVE_DEAD_LETTER)) {
            record.figures.addDeadLettered()
            if let suspect { suspects?.answered(suspect) }
            source?.settle(delivery, OCTAVO_SETTLE_DEAD_LETTER, topic: deadLetterTopic)
            return
        }
        // Acknowledged only once the dead-letter topic has it: it is nowhere lost.
        let waiter = PublishCallback(component.name, deadLetterTopic) { [weak self] failure in
            guard let self else { return }
            guard failure == nil else { return again(delivery, policy.longest) }
            record.figures.addDeadLettered()
            if let suspect { suspects?.answered(suspect) }
            settle(delivery, OCTAVO_SETTLE_ACK)
        }
        let publication = Publication(
            pubsub: component.name, topic: deadLetterTopic, contentType: kept.contentType, metadata: kept.metadata)
        var options = PublishOptions()
        options.isRaw = isRaw
        kept.data.withUnsafeBytes { _ = api.submit(component, publication, $0, options, 0, waiter) }
    }

    private func settle(_ delivery: Delivery, _ outcome: Int32, delay: Int64 = 0) {
        source?.settle(delivery, outcome, delay: delay)
    }

    private final class Handler: SourceHandler {
        /// Until its end: what comes after it is nobody's.
        var subscription: TopicSubscription?

        override func received(_ delivery: Delivery, _ message: UnsafeRawPointer) {
            guard let subscription else { return }
            // Shorter when the plugin is older: what it does not know is zero.
            var whole = octavo_pubsub_message()
            let size = min(Int(message.load(as: UInt32.self)), MemoryLayout<octavo_pubsub_message>.size)
            withUnsafeMutableBytes(of: &whole) { $0.copyMemory(from: UnsafeRawBufferPointer(start: message, count: size)) }
            subscription.received(delivery, whole)
        }

        override func changed(_ state: SourceState) {
            let told: SubscriptionState =
                switch state {
                case .waiting: .waiting
                case .open: .open
                case .failed(let error, let again): .failed(cause: error.message, again: again)
                case .ended: .ended
                }
            subscription?.changed(told)
        }
    }
}
