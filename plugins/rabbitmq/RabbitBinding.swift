import PluginKit
import RabbitMQPluginNative

/// `bindings.rabbitmq`: a queue that is written to and read, as Dapr's.
final class RabbitBinding: Binding {
    static let offered = OCTAVO_BINDING_OUTPUT | OCTAVO_BINDING_INPUT
    static let operations: StaticString = "create"

    private let connections: Connections
    private let queue: BindingQueue
    private let contentType: Name

    init(_ config: Config, _ instance: Instance) throws(PluginError) {
        let broker = BrokerSettings(binding: config)
        try MessageMetadata.checkShort(config.text("queueName"), "queueName")
        connections = Connections(try Settings(config, url: "host"), broker)
        queue = BindingQueue(config, broker)
        contentType = Name(config.text("contentType").array)
        super.init(instance, Features(Self.offered, maxValueBytes: 512 << 20))
    }

    override func start(_ call: Call) throws(PluginError) {
        // An exclusive queue is that of the connection that reads it.
        try connections.start(instance, queue: queue.isExclusive ? nil : queue, call)
    }

    override func stop(_ call: Call) throws(PluginError) { connections.stop(call) }
    override func health(_ call: Call) throws(PluginError) { try connections.running().add(.health(call)) }

    override func invoke(_ request: UnsafePointer<octavo_binding_invoke_request>, _ reply: InvokeReply) throws(PluginError) {
        guard request.pointee.operation.equals(Self.operations) else { throw Self.unknownOperation(request.pointee.operation, Self.operations) }
        let publisher = try connections.running(), metadata = request.pointee.head.metadata
        var publication = rabbit_publication()
        publication.data = request.pointee.data
        publication.content_type = contentType.str
        publication.persistent = 1
        try MessageMetadata.apply(metadata, to: &publication)
        // Always to the queue, through the exchange without a name.
        publication.key = queue.queue.str
        publication.headers = metadata
        var size = 0
        for index in 0..<Int(metadata.count) {
            let pair = metadata.at(index, as: octavo_pair.self).pointee
            try MessageMetadata.checkShort(pair.name, "The name of a metadata item")
            size += pair.name.count + pair.value.count + 8
        }
        // They have to fit into one frame.
        guard size <= 100_000 else { throw .invalid("The metadata have \(size) bytes; RabbitMQ takes 100000 at most.") }
        var ttl: Int64 = 0
        let written = metadata.pair("ttlInSeconds")
        if !written.isEmpty {
            guard let seconds = written.decimal, seconds > 0, seconds < 1 << 32 else { throw .invalid("The metadata ttlInSeconds is a number of seconds above 0.") }
            ttl = Int64(seconds) * 1000
        }
        try publisher.add(.publish(Outgoing(reply.call, publication, declaring: nil, expiration: ttl) { InvokeReply($0).done() }))
    }

    override func read(_ request: UnsafePointer<octavo_binding_read_request>, _ reply: EmptyReply) throws(PluginError) {
        try connections.open(Source(request.pointee.source), queue, reply)
    }

    override func close(_ source: Source, _ reply: EmptyReply) throws(PluginError) { connections.close(source, reply) }
    override func credit(_ source: Source, _ events: Int) { connections.credit(source, events) }
    override func settle(_ request: UnsafePointer<octavo_settle_request>) { connections.settle(request) }

    static var fields: [Field] {
        [
            .string("host", required: true, sensitive: true, example: "amqp://user:password@localhost:5672", "URL of the server; amqps for TLS."),
            .string("queueName", required: true, "Queue that is written to and read."),
            .boolean("durable", default: "false", "The queue survives a restart of the server; its messages do always."),
            .boolean("deleteWhenUnused", default: "false", "The queue goes with its last reader."),
            .boolean("exclusive", default: "false", "Only the reader of this component may read; the queue goes with it."),
            .duration("ttlInSeconds", "Time to live of messages in the queue.").alias("ttl"),
            .integer("prefetchCount", default: "0", from: 0, to: 65535, "At most so many messages are with the app; 0: as many as the runtime asks for."),
            .integer("maxPriority", from: 0, to: 255, "The queue keeps to priorities up to this one."),
            .string("contentType", default: "text/plain", "Type of the messages, unless the metadata contentType says it."),
            .duration("reconnectWaitInSeconds", default: "5s", "Longest pause between two attempts to connect."),
        ] + Settings.common
    }
}

/// The queue of a binding.
final class BindingQueue: Inbox {
    let queue: Name
    let isExclusive: Bool
    private let broker: BrokerSettings
    private let maxPriority: Int64

    init(_ config: Config, _ broker: BrokerSettings) {
        self.broker = broker
        queue = Name(config.text("queueName").array)
        isExclusive = config.flag("exclusive")
        maxPriority = config.integer("maxPriority") ?? 0
    }

    func declare(_ link: Link) throws(Fault) {
        var arguments = rabbit_queue()
        arguments.durable = broker.isDurable ? 1 : 0
        arguments.auto_delete = broker.isAutoDelete ? 1 : 0
        arguments.exclusive = isExclusive ? 1 : 0
        arguments.max_priority = maxPriority
        arguments.ttl = broker.ttl
        try link.ask { rabbit_declare_queue($0, queue.str, &arguments, &$1) }
    }

    func deliver(_ message: Incoming, to source: Source, _ token: UInt64) -> Source.Delivered {
        var event = octavo_binding_event()
        event.data = message.properties.data
        event.content_type = message.properties.content_type
        // Headers, escaped as Dapr escapes them.
        return PairList.with(message.headers.map { (Self.escaped($0.0), Self.escaped($0.1)) }) { list in
            event.metadata = list
            return source.deliver(token, &event)
        }
    }

    private static func escaped(_ text: [UInt8]) -> [UInt8] {
        let digits = Str("0123456789ABCDEF").array
        var out: [UInt8] = []
        for byte in text {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E: out.append(byte)
            case 0x20: out.append(0x2B)
            default: out += [0x25, digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return out
    }
}
