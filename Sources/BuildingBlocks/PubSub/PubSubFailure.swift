public import Components

/// Why a message was not published, or a topic not subscribed to.
public enum PubSubFailure: Error, Sendable {
    case notConfigured
    case emptyName
    case notFound(pubsub: String)
    case emptyTopic(pubsub: String)
    /// The component's scopes, or its list of allowed topics, keep this app from the topic.
    case forbidden(pubsub: String, topic: String)
    /// Metadata that the runtime itself reads is wrong (`rawPayload`, `ttlInSeconds`).
    case badMetadata(pubsub: String, cause: String)
    /// What was given as a CloudEvent is none.
    case badEvent(pubsub: String, cause: String)
    /// The entries of a bulk request: an id that is missing or there twice.
    case badEntries(pubsub: String, cause: String)
    case component(pubsub: String, topic: String, error: CallError)

    /// In words, for the log.
    package var cause: String {
        switch self {
        case .notConfigured, .notFound: "there is no such pub/sub component"
        case .emptyName: "it names no component"
        case .emptyTopic: "it names no topic"
        case .forbidden: "the component's scopes keep this app from it"
        case .badMetadata(_, let cause), .badEvent(_, let cause), .badEntries(_, let cause): cause
        case .component(_, _, let error): error.message
        }
    }
}
