import PluginKit

/// `bindings.mqtt3`: publishes to a topic and hears of it, as Dapr's.
final class MQTTBinding: Binding {
    static let offered = OCTAVO_BINDING_OUTPUT | OCTAVO_BINDING_INPUT
    static let operations: StaticString = "create"

    private let connections: Connections
    /// Lives as long as requests that use it.
    private let topic: UnsafeMutableRawBufferPointer
    private let consumer: [UInt8]

    init(_ config: Config, _ instance: Instance) throws(PluginError) {
        let written = config.text("topic")
        try TopicCheck.filter(written)
        topic = .allocate(byteCount: written.count, alignment: 1)
        topic.copyMemory(from: written.raw)
        let named = config.text("consumerID")
        consumer = (named.isEmpty ? config.raw.pointee.app_id : named).array
        connections = Connections(try Settings(config))
        super.init(instance, Features(Self.offered, maxValueBytes: UInt64(Packet.limit - 65_540)))
    }

    deinit { topic.deallocate() }

    override func start(_ call: Call) throws(PluginError) { try connections.start(instance, call) }
    override func stop(_ call: Call) throws(PluginError) { connections.stop(call) }
    override func health(_ call: Call) throws(PluginError) { try connections.health(call) }

    override func invoke(_ request: UnsafePointer<octavo_binding_invoke_request>, _ reply: InvokeReply) throws(PluginError) {
        guard request.pointee.operation.equals(Self.operations) else { throw Self.unknownOperation(request.pointee.operation, Self.operations) }
        let metadata = request.pointee.head.metadata, named = metadata.pair("topic")
        let topic = named.isEmpty ? Str(UnsafeRawBufferPointer(self.topic)) : named
        try connections.publish(reply.call, topic, request.pointee.data.raw, metadata) { InvokeReply($0).done() }
    }

    override func read(_ request: UnsafePointer<octavo_binding_read_request>, _ reply: EmptyReply) throws(PluginError) {
        guard !consumer.isEmpty else { throw .invalid("A reader of MQTT needs a name: set consumerID.") }
        try connections.open(
            Source(request.pointee.source), Str(UnsafeRawBufferPointer(topic)), client: consumer + Str("-consumer-").array + [UInt8](topic),
            forgets: false, .event, reply)
    }

    override func close(_ source: Source, _ reply: EmptyReply) throws(PluginError) { connections.close(source, reply) }
    override func credit(_ source: Source, _ events: Int) { connections.credit(source, events) }
    override func settle(_ request: UnsafePointer<octavo_settle_request>) { connections.settle(request) }

    static var fields: [Field] {
        Settings.fields + [
            .string("topic", required: true, example: "house/heat", "Topic that is published to, unless the metadata topic names another, and read; wildcards are for reading.")
        ]
    }
}
