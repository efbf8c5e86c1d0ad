import Components

/// An event that the app has been given and has not answered.
package final class HeldEvent {
    // Not weak: a subscription that has ended takes no conclusions, whoever still holds it.
    private let subscription: TopicSubscription
    private let delivery: Delivery
    private let kept: KeptMessage?
    private let attempt: Int
    private let key: SuspectMessages.Key
    private var trial: SuspectMessages.Trial?

    init(
        _ subscription: TopicSubscription, _ delivery: Delivery, _ kept: KeptMessage?, _ attempt: Int, _ key: SuspectMessages.Key,
        _ trial: SuspectMessages.Trial?
    ) {
        self.subscription = subscription
        self.delivery = delivery
        self.kept = kept
        self.attempt = attempt
        self.key = key
        self.trial = trial
    }

    /// It may have ended the app: it is not to share a delivery with others.
    var isOnTrial: Bool { trial != nil }

    /// What became of it. Called once, on the subscription's loop. Of one whose subscription has ended only that the app
    /// broke off, or did not, is of interest.
    package func conclude(_ outcome: EventOutcome) {
        if let suspects = subscription.suspects {
            switch outcome {
            case .brokenOff: suspects.broke(key, alone: isOnTrial, now: monotonicNanoseconds())
            case .unreached: break
            case .success, .retry, .drop: suspects.answered(key)
            }
        }
        subscription.concluded(delivery, kept, attempt, key, outcome)
        trial = nil
    }
}
