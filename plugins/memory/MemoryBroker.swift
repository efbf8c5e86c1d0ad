import MemoryPluginNative
import PluginKit

/// `pubsub.in-memory`: called from several event loops at once. Every subscriber has a queue of its own.
final class MemoryBroker: PubSub {
    static let offered = OCTAVO_PUBSUB_MESSAGE_TTL | OCTAVO_PUBSUB_ORDERING

    private let maxQueued: Int
    private let lock = Lock()
    /// Under the lock. Not many: a look at each costs less than a table.
    private var queues: [MemoryQueue] = []

    init(_ config: Config, _ instance: Instance) {
        maxQueued = Int(config.integer("maxQueued") ?? 65536)
        super.init(instance, Features(Self.offered))
    }

    override func publish(_ request: UnsafePointer<octavo_pubsub_publish_request>, _ reply: PublishReply) throws(PluginError) {
        var message: MemoryMessage?
        var takers: [MemoryQueue] = []
        let isFull = lock.with { () -> Bool in
            for queue in queues where queue.topic.equals(request.pointee.topic) {
                if queue.waiting >= maxQueued { return true }
                takers.append(queue)
            }
            guard !takers.isEmpty else { return false }
            let made = MemoryMessage(request)
            message = made
            // Under one lock, so that all subscribers see one order.
            for queue in takers { queue.append(made) }
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

    override func subscribe(_ request: UnsafePointer<octavo_pubsub_subscribe_request>, _ reply: EmptyReply) throws(PluginError) {
        let queue = MemoryQueue(Source(request.pointee.source), request.pointee.topic)
        lock.with { queues.append(queue) }
        reply.done()
    }

    override func unsubscribe(_ source: Source, _ reply: EmptyReply) throws(PluginError) {
        lock.with {
            if let index = queues.firstIndex(where: { $0.source == source }) {
                queues[index].end()
                queues.remove(at: index)
            }
        }
        reply.done()
    }

    override func credit(_ source: Source, _ messages: Int) {
        guard let queue = find(source) else { return }
        lock.with { queue.grant(messages) }
        pump(queue)
    }

    override func settle(_ request: UnsafePointer<octavo_settle_request>) {
        guard let queue = find(Source(request.pointee.source)) else { return }
        let isAgain = request.pointee.outcome == OCTAVO_SETTLE_RETRY
        lock.with { queue.settle(request.pointee.token, again: isAgain) }
        if isAgain { pump(queue) }
    }

    private func find(_ source: Source) -> MemoryQueue? {
        lock.with {
            for queue in queues where queue.source == source { return queue }
            return nil
        }
    }

    /// Delivers what may be delivered. One thread at a time does that for a queue, in order, and not under the lock.
    private func pump(_ queue: MemoryQueue) {
        while let next = lock.with({ queue.takeNext() }) {
            let outcome = next.message.deliver(to: queue.source, token: next.token, attempt: next.attempt)
            lock.with { queue.delivered(next, outcome) }
        }
    }
}
