/// What the app said of an event.
package enum EventOutcome: Sendable, Equatable {
    case success
    /// It is to be delivered again; why, for the log.
    case retry(String)
    /// The app was not reached: no fault of the event, which comes again whatever the policy says. Why, for the log.
    case unreached(String)
    /// The app broke off while it had the event, which comes again whatever the policy says, unless the app ends at it again and
    /// again. Why, for the log.
    case brokenOff(String)
    /// It is not wanted; a dead-letter topic gets it.
    case drop
}

/// An event on its way to the app. Its slices are valid until `deliver` returns.
package struct IncomingEvent {
    package let event: CloudEvent
    package let pubsub: String
    /// That was subscribed to: of an event in a dead-letter topic, that one.
    package let topic: String
    /// Of the route that matched; empty for a stream.
    package let path: String
    /// Of the broker.
    package let metadata: [(String, String)]
}

/// Who takes the events of a subscription to the app. On the event loop of the subscription.
package protocol EventReceiver: AnyObject {
    /// Takes one event over; `held` is concluded once, now or later, on the same loop. An event that nobody concludes comes
    /// again when the subscription ends.
    func deliver(_ event: IncomingEvent, _ held: HeldEvent)
    /// What becomes of the subscription.
    func changed(_ state: SubscriptionState)
}

/// What a subscription is doing.
package enum SubscriptionState: Sendable {
    case waiting
    case open
    case failed(cause: String, again: Duration)
    case ended
}
