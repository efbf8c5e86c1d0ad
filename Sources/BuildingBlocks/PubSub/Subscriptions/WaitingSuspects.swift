import Components
import NIOCore

/// Messages of one subscription that wait for their trial, unsettled; not more than the subscription's window. On its event loop.
struct WaitingSuspects {
    /// A message with copies of what is needed to deliver it.
    final class Entry {
        let delivery: Delivery
        let kept: KeptMessage?
        let attempt: Int
        let key: SuspectMessages.Key
        private let bytes: [UInt8]
        private let pubsub: String
        private let topic: String
        private let path: String
        private let metadata: [(String, String)]

        init(_ delivery: Delivery, _ kept: KeptMessage?, _ attempt: Int, _ key: SuspectMessages.Key, _ event: IncomingEvent) {
            self.delivery = delivery
            self.kept = kept
            self.attempt = attempt
            self.key = key
            bytes = Array(event.event.bytes)
            pubsub = event.pubsub
            topic = event.topic
            path = event.path
            metadata = event.metadata
        }

        func withEvent(_ body: (IncomingEvent) -> Void) {
            bytes.withUnsafeBytes { bytes in
                // It was read before, when it came.
                guard let event = try? CloudEvent(bytes) else { return }
                body(IncomingEvent(event: event, pubsub: pubsub, topic: topic, path: path, metadata: metadata))
            }
        }
    }

    private var entries: [Entry] = []
    /// When the first of them may be tried, if it is time that they wait for.
    var timer: Scheduled<Void>?
    /// The time of `timer`.
    var dueAt = Int64.max
    /// They are tried once another trial is over.
    var isAwaitingTurn = false

    mutating func append(_ entry: Entry) { entries.append(entry) }

    /// All, in their order, and nothing is awaited any more. What stays is appended again.
    mutating func removeAll() -> [Entry] {
        defer { end() }
        return entries
    }

    /// Forgets them: they come again.
    mutating func end() {
        timer?.cancel()
        timer = nil
        dueAt = .max
        isAwaitingTurn = false
        entries = []
    }
}
