import Components

/// An event that the app has been given and has not answered.
package final class HeldEvent {
    // Not weak: a subscription that has ended takes no conclusions, whoever still holds it.
    private let subscription: TopicSubscription
    private let delivery: Delivery
    private let kept: KeptMessage?
    private let attempt: Int

    init(_ subscription: TopicSubscription, _ delivery: Delivery, _ kept: KeptMessage?, _ attempt: Int) {
        self.subscription = subscription
        self.delivery = delivery
        self.kept = kept
        self.attempt = attempt
    }

    /// What became of it. Called once, on the subscription's loop.
    package func conclude(_ outcome: EventOutcome) { subscription.concluded(delivery, kept, attempt, outcome) }
}
