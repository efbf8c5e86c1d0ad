import PluginKit

/// `pubsub.mqtt3`. Operations only put down what is wanted: a thread of the instance's own publishes, another one reads for each
/// topic of a consumer group, so that none of them delays another.
final class MQTTBroker: PubSub {
    static let offered = OCTAVO_PUBSUB_ORDERING | OCTAVO_PUBSUB_WILDCARD

    private let connections: Connections

    init(_ settings: Settings, _ instance: Instance) {
        connections = Connections(settings)
        super.init(instance, Features(Self.offered, maxValueBytes: UInt64(Packet.limit - 65_540)))
    }

    override func start(_ call: Call) throws(PluginError) { try connections.start(instance, call) }
    override func stop(_ call: Call) throws(PluginError) { connections.stop(call) }
    override func health(_ call: Call) throws(PluginError) { try connections.health(call) }

    override func publish(_ request: UnsafePointer<octavo_pubsub_publish_request>, _ reply: PublishReply) throws(PluginError) {
        try connections.publish(reply.call, request.pointee.topic, request.pointee.data.raw, request.pointee.head.metadata) {
            PublishReply($0).published()
        }
    }

    override func subscribe(_ request: UnsafePointer<octavo_pubsub_subscribe_request>, _ reply: EmptyReply) throws(PluginError) {
        let group = (request.pointee.group.isEmpty ? request.pointee.head.app_id : request.pointee.group).array
        guard !group.isEmpty else { throw .invalid("A subscription needs a consumer group: set consumerID.") }
        try connections.open(
            Source(request.pointee.source), request.pointee.topic, client: group + [0x2D] + request.pointee.topic.array,
            forgets: request.pointee.head.metadata.pair("unsubscribeOnClose").equals("true"), .message, reply)
    }

    override func unsubscribe(_ source: Source, _ reply: EmptyReply) throws(PluginError) { connections.close(source, reply) }
    override func credit(_ source: Source, _ messages: Int) { connections.credit(source, messages) }
    override func settle(_ request: UnsafePointer<octavo_settle_request>) { connections.settle(request) }
}
