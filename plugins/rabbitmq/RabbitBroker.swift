import PluginKit
import RabbitMQPluginNative

/// `pubsub.rabbitmq`. Operations only put down what is wanted: a thread of the instance's own publishes, another one reads
/// each subscription's queue, so that none of them delays another.
final class RabbitBroker: PubSub {
    static let offered = OCTAVO_PUBSUB_MESSAGE_TTL | OCTAVO_PUBSUB_ORDERING

    private let broker: BrokerSettings
    private let connections: Connections

    init(_ settings: Settings, _ broker: BrokerSettings, _ instance: Instance) {
        self.broker = broker
        connections = Connections(settings, broker)
        // RabbitMQ takes 512 MB for one message.
        super.init(instance, Features(Self.offered, maxValueBytes: 512 << 20))
    }

    override func start(_ call: Call) throws(PluginError) { try connections.start(instance, call) }
    override func stop(_ call: Call) throws(PluginError) { connections.stop(call) }
    override func health(_ call: Call) throws(PluginError) { try connections.running().add(.health(call)) }

    override func publish(_ request: UnsafePointer<octavo_pubsub_publish_request>, _ reply: PublishReply) throws(PluginError) {
        let publisher = try connections.running(), topic = request.pointee.topic
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
        guard !request.pointee.topic.isEmpty else { throw .invalid("The topic is empty.") }
        try connections.open(Source(request.pointee.source), Topic(request.pointee, broker), reply)
    }

    override func unsubscribe(_ source: Source, _ reply: EmptyReply) throws(PluginError) { connections.close(source, reply) }
    override func credit(_ source: Source, _ messages: Int) { connections.credit(source, messages) }
    override func settle(_ request: UnsafePointer<octavo_settle_request>) { connections.settle(request) }
}
