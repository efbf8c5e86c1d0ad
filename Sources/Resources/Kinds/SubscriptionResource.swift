/// A `Subscription` document: a topic that the app is to be told of, and where.
package struct SubscriptionResource: Sendable, Equatable {
    package var header: ResourceHeader
    package var pubsub: String
    package var topic: String
    /// In their order; the first that matches wins.
    package var rules: [Rule] = []
    /// Where events go that no rule matches; empty: nowhere.
    package var defaultPath = ""
    package var deadLetterTopic = ""
    package var metadata: [String: String] = [:]
    package var bulk: Bulk?

    package struct Rule: Sendable, Equatable {
        /// An expression over the event; empty always matches.
        package var match: String
        package var path: String
    }

    /// Many events in one delivery.
    package struct Bulk: Sendable, Equatable {
        package var maximalCount = 100
        package var maximalWait = Duration.milliseconds(1000)
    }
}
