import Components
import Logging
import NIOCore

/// What becomes of messages that may have ended the app: see `SuspectMessages`.
extension TopicSubscription {
    func key(of event: CloudEvent, _ bare: UnsafeRawBufferPointer?) -> SuspectMessages.Key {
        var hasher = hasher
        if let bare {
            hasher.combine(bytes: bare)
        } else {
            event.withAttribute(.id) { hasher.combine(bytes: $0) }
            event.withAttribute(.source) { hasher.combine(bytes: $0) }
            hasher.combine(event.bytes.count)
        }
        return hasher.finalize()
    }

    /// `convicted` only where a dead-letter topic takes it. After `taken` the waiting are tried when the trial is over.
    func admission(of key: SuspectMessages.Key) -> SuspectMessages.Admission {
        guard let suspects, !suspects.isEmpty else { return .ordinary }
        let now = monotonicNanoseconds(), wake = waiting.isAwaitingTurn ? nil : waker
        var found = suspects.admit(key, now: now, opened: openedAt, wake: wake)
        if case .convicted = found, deadLetterTopic.isEmpty {
            let pause = Int64(policy.longest / .nanoseconds(1))
            found = suspects.admitConvicted(key, now: now, opened: openedAt, pause: pause, wake: wake)
        }
        if case .taken = found { waiting.isAwaitingTurn = true }
        return found
    }

    private var waker: @Sendable () -> Void {
        let this = NIOLoopBound(Unowned(self), eventLoop: api.loop.eventLoop)
        return { this.eventLoop.execute { this.value.subscription?.tryWaiting() } }
    }

    private final class Unowned {
        weak var subscription: TopicSubscription?
        init(_ subscription: TopicSubscription) { self.subscription = subscription }
    }

    private func wake(at time: Int64) {
        guard time < waiting.dueAt else { return }
        waiting.timer?.cancel()
        waiting.dueAt = time
        let pause = TimeAmount.nanoseconds(max(time - monotonicNanoseconds(), 0))
        waiting.timer = api.loop.eventLoop.assumeIsolated().scheduleTask(in: pause) { [weak self] in self?.tryWaiting() }
    }

    private func tryWaiting() {
        for entry in waiting.removeAll() { take(entry, admission(of: entry.key)) }
    }

    /// Does with a message what its admission says.
    func take(_ entry: WaitingSuspects.Entry, _ admission: SuspectMessages.Admission) {
        switch admission {
        case .ordinary: entry.withEvent { give(entry.delivery, entry.kept, entry.attempt, entry.key, $0, nil) }
        case .alone(let trial): entry.withEvent { give(entry.delivery, entry.kept, entry.attempt, entry.key, $0, trial) }
        case .taken: waiting.append(entry)
        case .later(let time):
            wake(at: time)
            waiting.append(entry)
        case .paused(let time): again(entry.delivery, .nanoseconds(max(time - monotonicNanoseconds(), 0)))
        case .convicted(let deaths): entry.withEvent { convict(entry, $0, deaths) }
        }
    }

    private func convict(_ entry: WaitingSuspects.Entry, _ event: IncomingEvent, _ deaths: Int) {
        Self.logger.warning(
            "a message ends the app again and again; it goes to the dead-letter topic",
            metadata: [
                "pubsub": "\(component.name)", "topic": "\(topic)", "id": "\(event.event.text("id") ?? "")", "deaths": "\(deaths)",
                "dead-letter-topic": "\(deadLetterTopic)",
            ])
        moveToDeadLetter(entry.delivery, entry.kept, suspect: entry.key)
    }
}
