import COctavo
import NIOConcurrencyHelpers

/// A pub/sub component, called in the terms of a test.
package struct PubSubCalls: Sendable {
    package let instance: any PluginCaller

    package init(_ instance: any PluginCaller) { self.instance = instance }

    package func publish(_ data: [UInt8], to topic: String, contentType: String = "text/plain") throws {
        let arena = Arena()
        var request = octavo_pubsub_publish_request()
        request.head = head(octavo_pubsub_publish_request.self)
        request.topic = arena.str(topic)
        request.data = arena.bytes(data)
        request.content_type = arena.str(contentType)
        try instance.call(OCTAVO_PUBSUB_OP_PUBLISH, request, arena) { _ in }
    }

    package func publish(_ text: String, to topic: String) throws { try publish(Array(text.utf8), to: topic) }

    /// The ids of the results and whether each was published.
    package func bulkPublish(_ entries: [(id: String, text: String)], to topic: String) throws -> [(id: String, isPublished: Bool)] {
        let arena = Arena()
        var request = octavo_pubsub_bulk_publish_request()
        request.head = head(octavo_pubsub_bulk_publish_request.self)
        request.topic = arena.str(topic)
        request.entries = arena.list(
            entries.map { entry in
                var raw = octavo_pubsub_entry()
                raw.id = arena.str(entry.id)
                raw.data = arena.bytes(Array(entry.text.utf8))
                raw.content_type = arena.str("text/plain")
                return raw
            })
        let found = try instance.call(OCTAVO_PUBSUB_OP_BULK_PUBLISH, request, arena) { reply in
            let results = reply.assumingMemoryBound(to: octavo_pubsub_bulk_publish_reply.self).pointee.results
            return elements(results, of: octavo_pubsub_entry_result.self).map { (text($0.id) ?? "", $0.error.code == OCTAVO_CODE_OK) }
        }
        return found ?? []
    }
}

/// An open subscription: what has come, in its order.
package final class PubSubListener: Sendable {
    package struct Message: Sendable {
        package var topic: String
        package var data: [UInt8]
        package var contentType: String
        package var attempt: Int
        let settle: @Sendable (Int32) -> Void

        package var text: String { String(decoding: data, as: UTF8.self) }
        package func acknowledge() { settle(OCTAVO_SETTLE_ACK) }
        package func retry() { settle(OCTAVO_SETTLE_RETRY) }
    }

    private struct Inbox {
        var waiting: [Message] = []
        var count = 0
    }

    private let inbox = NIOLockedValueBox(Inbox())
    private let closing: @Sendable () -> Void

    init(_ closing: @escaping @Sendable () -> Void) { self.closing = closing }

    func add(_ message: Message) {
        inbox.withLockedValue { inbox in
            inbox.waiting.append(message)
            inbox.count += 1
        }
    }

    /// All that have come until now.
    package var count: Int { inbox.withLockedValue { $0.count } }

    /// Takes the first that has not been taken; nil when none comes in time.
    package func next(seconds: Int = 5) -> Message? {
        var message: Message?
        _ = within(seconds: seconds) {
            message = inbox.withLockedValue { $0.waiting.isEmpty ? nil : $0.waiting.removeFirst() }
            return message != nil
        }
        return message
    }

    /// Waits for its end.
    package func end() { closing() }
}
