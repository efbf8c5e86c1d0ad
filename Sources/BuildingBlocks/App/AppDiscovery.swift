package import JSONText

/// What the app said about itself when it was asked. A value.
package struct AppDiscovery: Sendable, Equatable {
    /// Counts how often the app has been asked with success.
    package var round: Int
    /// What it subscribes to by itself.
    package var subscriptions: [AppSubscription]
    /// `GET /dapr/config`; nil when the app has none.
    package var configuration: JSONValue?
    /// The input bindings of a gRPC app; nil for an HTTP app, which is asked for each (`AppClient.wantsBinding`).
    package var inputBindings: [String]?

    package init(
        round: Int, subscriptions: [AppSubscription] = [], configuration: JSONValue? = nil, inputBindings: [String]? = nil
    ) {
        self.round = round
        self.subscriptions = subscriptions
        self.configuration = configuration
        self.inputBindings = inputBindings
    }
}

/// One programmatic subscription of the app. A value.
package struct AppSubscription: Sendable, Equatable {
    /// A route for messages that an expression matches.
    package struct Rule: Sendable, Equatable {
        /// An expression of CEL.
        package var match: String
        package var path: String

        package init(match: String, path: String) {
            self.match = match
            self.path = path
        }
    }

    /// How messages come in bulk.
    package struct Bulk: Sendable, Equatable {
        package var maxMessages: Int
        package var maxAwait: Duration

        /// Zero or less is Dapr's default: 100 messages, 1 s.
        package init(maxMessages: Int, maxAwaitMilliseconds: Int) {
            self.maxMessages = maxMessages > 0 ? maxMessages : 100
            maxAwait = .milliseconds(maxAwaitMilliseconds > 0 ? maxAwaitMilliseconds : 1000)
        }
    }

    package var pubsubName: String
    package var topic: String
    /// In the order of the names.
    package var metadata: [String: String] = [:]
    package var rules: [Rule] = []
    /// Where messages go that no rule matches; nil when they are not delivered.
    package var defaultPath: String?
    package var deadLetterTopic: String?
    package var bulk: Bulk?

    package init(pubsubName: String, topic: String) {
        self.pubsubName = pubsubName
        self.topic = topic
    }
}
