import MemoryPluginNative
import PluginKit

/// `pubsub.in-memory`: called from several event loops at once. Every group of subscribers has a queue of its own.
final class MemoryBroker: PubSub {
    static let offered = OCTAVO_PUBSUB_MESSAGE_TTL | OCTAVO_PUBSUB_ORDERING

    private let maxQueued: Int
    /// How long messages wait for a group that has no subscriber. Nanoseconds.
    private let retention: Int64
    private let lock = Lock()
    /// Under the lock. Not many: a look at each costs less than a table.
    private var queues: [MemoryQueue] = []

    init(_ config: Config, _ instance: Instance) {
        maxQueued = Int(config.integer("maxQueued") ?? 65536)
        retention = config.duration("retention") ?? 300_000_000_000
        super.init(instance, Features(Self.offered))
    }

    override func publish(_ request: UnsafePointer<octavo_pubsub_publish_request>, _ reply: PublishReply) throws(PluginError) {
        var takers: [MemoryQueue] = []
        let isFull = lock.with { () -> Bool in
            forgetAbandoned()
            for queue in queues where queue.topic.equals(request.pointee.topic) {
                if queue.waiting >= maxQueued {
                    // Nobody is there to be waited for.
                    if queue.abandoned != 0 { queue.dropOldest() } else { return true }
                }
                takers.append(queue)
            }
            guard !takers.isEmpty else { return false }
            let message = MemoryMessage(request)
            // Under one lock, so that all subscribers see one order.
            for queue in takers { queue.append(message) }
            return false
        }
        guard !isFull else {
            throw PluginError(
                OCTAVO_CODE_RESOURCE_EXHAUSTED,
                "\(maxQueued) messages wait for a subscriber of this topic, which is too slow. Publish slower, or raise maxQueued.",
                flags: OCTAVO_ERROR_RETRYABLE | OCTAVO_ERROR_THROTTLED)
        }
        reply.published()
        for queue in takers { pump(queue) }
    }

    /// Under the lock.
    private func forgetAbandoned() {
        var index = 0
        while index < queues.count {
            let since = queues[index].abandoned
            if since != 0, plugin_kit_monotonic() - since >= retention { queues.remove(at: index) } else { index += 1 }
        }
    }

    override func subscribe(_ request: UnsafePointer<octavo_pubsub_subscribe_request>, _ reply: EmptyReply) throws(PluginError) {
        let source = Source(request.pointee.source), topic = request.pointee.topic, group = request.pointee.group
        lock.with {
            forgetAbandoned()
            for queue in queues where queue.topic.equals(topic) && queue.group.equals(group) { return queue.join(source) }
            let queue = MemoryQueue(topic, group)
            queue.join(source)
            queues.append(queue)
        }
        reply.done()
    }

    override func unsubscribe(_ source: Source, _ reply: EmptyReply) throws(PluginError) {
        let left = lock.with { () -> MemoryQueue? in
            for queue in queues {
                guard let consumer = queue.find(source) else { continue }
                queue.leave(consumer)
                return queue
            }
            return nil
        }
        reply.done()
        if let left { pump(left) }
    }

    override func credit(_ source: Source, _ messages: Int) {
        guard let queue = find(source) else { return }
        lock.with { queue.grant(source, messages) }
        pump(queue)
    }

    override func settle(_ request: UnsafePointer<octavo_settle_request>) {
        let source = Source(request.pointee.source)
        guard let queue = find(source) else { return }
        let isAgain = request.pointee.outcome == OCTAVO_SETTLE_RETRY
        lock.with { queue.settle(source, request.pointee.token, again: isAgain) }
        if isAgain { pump(queue) }
    }

    private func find(_ source: Source) -> MemoryQueue? {
        lock.with {
            for queue in queues where queue.find(source) != nil { return queue }
            return nil
        }
    }

    /// Delivers what may be delivered. One thread at a time does that for a queue, in order, and not under the lock.
    private func pump(_ queue: MemoryQueue) {
        while let (entry, consumer) = lock.with({ queue.takeNext() }) {
            let outcome = entry.message.deliver(to: consumer.source, token: entry.token, attempt: entry.attempt)
            lock.with { queue.delivered(entry, consumer, outcome) }
        }
    }
}
