import PluginKit
import RabbitMQPluginNative

/// `pubsub.rabbitmq`. Operations only put down what is wanted: a thread of the instance's own publishes, another one reads
/// each subscription's queue, so that none of them delays another.
final class RabbitBroker: PubSub {
    static let offered = OCTAVO_PUBSUB_MESSAGE_TTL | OCTAVO_PUBSUB_ORDERING

    private let settings: Settings
    private let broker: BrokerSettings
    private let lock = Lock()
    /// Under the lock: calls may come while it starts or stops.
    private var publisher: Publisher?
    private var consumers: [Consumer] = []

    init(_ settings: Settings, _ broker: BrokerSettings, _ instance: Instance) {
        self.settings = settings
        self.broker = broker
        // RabbitMQ takes 512 MB for one message.
        super.init(instance, Features(Self.offered, maxValueBytes: 512 << 20))
    }

    override func start(_ call: Call) throws(PluginError) {
        let publisher = try Publisher(settings, broker, instance, call)
        lock.with { self.publisher = publisher }
    }

    override func stop(_ call: Call) throws(PluginError) {
        let (publisher, consumers) = lock.with { () -> (Publisher?, [Consumer]) in
            defer {
                self.publisher = nil
                self.consumers = []
            }
            return (self.publisher, self.consumers)
        }
        for consumer in consumers { consumer.put(.end(nil)) }
        publisher?.stop()
        for consumer in consumers { consumer.join() }
        call.done()
    }

    override func health(_ call: Call) throws(PluginError) { try running().add(.health(call)) }

    private func running() throws(PluginError) -> Publisher {
        guard let publisher = lock.with({ self.publisher }) else {
            throw PluginError(OCTAVO_CODE_UNAVAILABLE, "The component is not started.", flags: OCTAVO_ERROR_RETRYABLE)
        }
        return publisher
    }

    override func publish(_ request: UnsafePointer<octavo_pubsub_publish_request>, _ reply: PublishReply) throws(PluginError) {
        let publisher = try running(), topic = request.pointee.topic
        guard !topic.isEmpty else { throw .invalid("The topic is empty.") }
        try MessageMetadata.checkShort(topic, "The topic")
        var publication = rabbit_publication()
        publication.exchange = topic
        publication.data = request.pointee.data
        publication.content_type = request.pointee.content_type
        publication.persistent = broker.isPersistent ? 1 : 0
        try MessageMetadata.apply(request.pointee.head.metadata, to: &publication)
        let ttl = request.pointee.ttl_ns > 0 ? max(request.pointee.ttl_ns / 1_000_000, 1) : broker.ttl
        try publisher.add(
            .publish(Outgoing(reply.call, publication, declaring: topic.array, expiration: ttl) { PublishReply($0).published() }))
    }

    override func subscribe(_ request: UnsafePointer<octavo_pubsub_subscribe_request>, _ reply: EmptyReply) throws(PluginError) {
        _ = try running()
        guard !request.pointee.topic.isEmpty else { throw .invalid("The topic is empty.") }
        let topic = try Topic(request.pointee, broker)
        let consumer = try Consumer(Source(request.pointee.source), settings, broker, topic, reply)
        let (isTaken, gone) = lock.with { () -> (Bool, [Consumer]) in
            let gone = consumers.filter { $0.isOver }
            consumers.removeAll { $0.isOver }
            guard publisher != nil else { return (false, gone) }
            consumers.append(consumer)
            return (true, gone)
        }
        for one in gone { one.join() }
        if !isTaken {
            // Stopped meanwhile: the source fails with its connection.
            consumer.put(.end(nil))
            consumer.join()
        }
    }

    override func unsubscribe(_ source: Source, _ reply: EmptyReply) throws(PluginError) {
        if let consumer = find(source), consumer.put(.end(reply)) { return }
        reply.done()
    }

    override func credit(_ source: Source, _ messages: Int) { find(source)?.put(.credit(messages)) }

    override func settle(_ request: UnsafePointer<octavo_settle_request>) {
        find(Source(request.pointee.source))?.put(.settle(request.pointee.token, request.pointee.outcome))
    }

    private func find(_ source: Source) -> Consumer? {
        lock.with {
            for consumer in consumers where consumer.source == source { return consumer }
            return nil
        }
    }
}
