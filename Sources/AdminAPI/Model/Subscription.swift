/// A topic that the app hears of: `GET /v1/subscriptions`.
package struct SubscriptionSummary: Sendable, Equatable, Codable {
    /// What a subscription is doing. A later runtime may know more words.
    package struct State: RawRepresentable, Sendable, Hashable, Codable {
        package let rawValue: String
        package init(rawValue: String) { self.rawValue = rawValue }

        /// It is being opened for the first time.
        package static let waiting = State(rawValue: "waiting")
        package static let active = State(rawValue: "active")
        /// It ended or could not be opened; it is tried again, for ever.
        package static let retrying = State(rawValue: "retrying")
        /// Nothing is fetched, because the app is not up.
        package static let paused = State(rawValue: "paused")
        /// It is open, and nothing moves: the app does not answer what it has, or the component's plugin does not come back.
        package static let stalled = State(rawValue: "stalled")
        /// It is not tried again before something else changes.
        package static let stopped = State(rawValue: "stopped")
    }

    /// The pub/sub component.
    package var component: String
    package var topic: String
    /// `declarative`, `programmatic`, `streaming`.
    package var origin: String
    package var deadLetterTopic: String?
    package var state: State
    /// Why it is not active, one sentence.
    package var reason: String?
    /// When this state began, milliseconds since 1970.
    package var sinceUnixMilliseconds: Int64
    /// The last that went wrong, also when it has come right.
    package var lastError: String?
    /// Times that a message was given to the app.
    package var delivered: Int64
    /// Times that one was settled to come again.
    package var retried: Int64
    /// Messages that nobody gets any more.
    package var dropped: Int64
    /// Messages that went to the dead-letter topic.
    package var deadLettered: Int64
    /// Messages that the app has and has not answered.
    package var inFlight: Int

    package init(
        component: String, topic: String, origin: String, deadLetterTopic: String? = nil, state: State, reason: String? = nil,
        sinceUnixMilliseconds: Int64, lastError: String? = nil, delivered: Int64 = 0, retried: Int64 = 0, dropped: Int64 = 0,
        deadLettered: Int64 = 0, inFlight: Int = 0
    ) {
        self.component = component
        self.topic = topic
        self.origin = origin
        self.deadLetterTopic = deadLetterTopic
        self.state = state
        self.reason = reason
        self.sinceUnixMilliseconds = sinceUnixMilliseconds
        self.lastError = lastError
        self.delivered = delivered
        self.retried = retried
        self.dropped = dropped
        self.deadLettered = deadLettered
        self.inFlight = inFlight
    }
}

/// `GET /v1/subscriptions`.
package struct SubscriptionList: Sendable, Equatable, Codable {
    package var subscriptions: [SubscriptionSummary]
    package init(subscriptions: [SubscriptionSummary]) { self.subscriptions = subscriptions }
}
