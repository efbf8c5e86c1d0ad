import Synchronization

/// A subscription as metadata replies list it.
package struct ListedSubscription: Sendable, Equatable {
    /// Source: Dapr's `PubsubSubscriptionType`.
    package enum Origin: String, Sendable {
        case declarative = "DECLARATIVE"
        case programmatic = "PROGRAMMATIC"
        case streaming = "STREAMING"
    }

    package var definition: SubscriptionDefinition
    package var origin: Origin

    package init(_ definition: SubscriptionDefinition, _ origin: Origin) {
        self.definition = definition
        self.origin = origin
    }
}

/// What the app subscribes to, over all event loops. Any thread.
package final class SubscriptionDirectory: Sendable {
    private struct Known {
        var app: [ListedSubscription] = []
        var streams: [Int: ListedSubscription] = [:]
        var next = 0
    }

    private let known = Mutex(Known())

    package init() {}

    /// Of resources and of the app itself.
    package func setApp(_ subscriptions: [ListedSubscription]) { known.withLock { $0.app = subscriptions } }

    /// A stream was opened; it is listed until `removeStream` with the number.
    package func addStream(_ definition: SubscriptionDefinition) -> Int {
        known.withLock { known in
            known.next += 1
            known.streams[known.next] = ListedSubscription(definition, .streaming)
            return known.next
        }
    }

    package func removeStream(_ number: Int) { known.withLock { $0.streams[number] = nil } }

    /// Streams come last, in the order of their opening.
    package var all: [ListedSubscription] {
        known.withLock { known in known.app + known.streams.sorted { $0.key < $1.key }.map(\.value) }
    }
}
