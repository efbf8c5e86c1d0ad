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
        var loops: [SubscriptionKey: Int] = [:]
    }

    private let known = Mutex(Known())

    package init() {}

    /// Of resources and of the app itself.
    package func setApp(_ subscriptions: [ListedSubscription]) {
        known.withLock { known in
            known.app = subscriptions
            // Loops hear of a change one after the other: what one has just asked for is not forgotten, only old things.
            guard known.loops.count > Self.rememberedTopics else { return }
            let keys = Set(subscriptions.map(\.definition.key))
            known.loops = known.loops.filter { keys.contains($0.key) }
        }
    }

    private static let rememberedTopics = 10_000

    /// The event loop that a topic is delivered on: the one with the fewest when it is first asked for, and the same from
    /// then on, whatever comes and goes beside it.
    func loop(of topic: SubscriptionKey, among count: Int) -> Int {
        known.withLock { known in
            if let loop = known.loops[topic] { return loop }
            var load = [Int](repeating: 0, count: count)
            for loop in known.loops.values where loop < count { load[loop] += 1 }
            let loop = load.indices.min { load[$0] < load[$1] } ?? 0
            known.loops[topic] = loop
            return loop
        }
    }

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
