import PluginKit
import RabbitMQPluginNative

/// The queue of a consumer group for a topic.
final class Topic: Inbox {
    let queue: Name
    let isExclusive = false
    private let name: Name
    private let deadExchange: Name
    private let deadQueue: Name
    private let broker: BrokerSettings
    private let keys: [Name]
    private let type: Name
    private let isSingleActive: Bool
    private let maxPriority: Int64
    private let maxLength: Int64
    private let maxBytes: Int64

    init(_ request: octavo_pubsub_subscribe_request, _ broker: BrokerSettings) throws(PluginError) {
        self.broker = broker
        name = Name(request.topic.array)
        let metadata = request.head.metadata
        let named = metadata.pair("queueName"), group = request.group.isEmpty ? request.head.app_id : request.group
        guard !named.isEmpty || !group.isEmpty else { throw .invalid("A subscription needs a consumer group: set consumerID.") }
        let queue = named.isEmpty ? group.array + [0x2D] + request.topic.array : named.array
        self.queue = Name(queue)
        deadExchange = Name(Str("dlx-").array + queue)
        deadQueue = Name(Str("dlq-").array + queue)
        keys = metadata.pair("routingKey").array.split(separator: 0x2C, omittingEmptySubsequences: false).map { Name([UInt8]($0)) }
        let type = metadata.pair("queueType")
        guard type.isEmpty || type.equals("classic") || type.equals("quorum") else {
            throw .invalid("The subscription's metadata queueType is classic or quorum.")
        }
        self.type = Name(type.isEmpty ? Str("classic").array : type.array)
        let single = metadata.pair("singleActiveConsumer")
        isSingleActive = single.isLike("true") || single.equals("1") || single.isLike("yes") || single.isLike("on") || single.isLike("y")
        maxPriority = min(try Self.number(metadata, "maxPriority") ?? 0, 255)
        maxLength = try Self.number(metadata, "maxLen") ?? broker.maxLength
        maxBytes = try Self.number(metadata, "maxLenBytes") ?? broker.maxBytes
        try MessageMetadata.checkShort(request.topic, "The topic")
        guard queue.count <= 251 else { throw .invalid("The queue's name has \(queue.count) bytes; RabbitMQ takes 251 with the prefix of its dead letters.") }
        for key in keys { try MessageMetadata.checkShort(key.str, "routingKey") }
    }

    private static func number(_ metadata: octavo_list, _ name: StaticString) throws(PluginError) -> Int64? {
        let text = metadata.pair(name)
        if text.isEmpty { return nil }
        guard let number = text.decimal, number <= Int64.max else { throw .invalid("The subscription's metadata \(name) is a whole number.") }
        return Int64(number)
    }

    func declare(_ link: Link) throws(Fault) {
        let durable: Int32 = broker.isDurable ? 1 : 0, autoDelete: Int32 = broker.isAutoDelete ? 1 : 0
        try link.ask { rabbit_declare_exchange($0, name.str, broker.kind, durable, autoDelete, &$1) }
        var arguments = rabbit_queue()
        arguments.auto_delete = autoDelete
        if broker.hasDeadLetters {
            arguments.max_length = broker.maxLength
            arguments.max_bytes = broker.maxBytes
            arguments.lazy = 1
            arguments.durable = 1
            try link.ask { rabbit_declare_exchange($0, deadExchange.str, "fanout", 1, autoDelete, &$1) }
            try link.ask { rabbit_declare_queue($0, deadQueue.str, &arguments, &$1) }
            try link.ask { rabbit_bind($0, deadQueue.str, deadExchange.str, Str(""), &$1) }
            arguments.lazy = 0
            arguments.dead_letter_exchange = deadExchange.str
        }
        arguments.durable = durable
        arguments.max_length = maxLength
        arguments.max_bytes = maxBytes
        arguments.max_priority = maxPriority
        arguments.single_active = isSingleActive ? 1 : 0
        arguments.type = type.str
        try link.ask { rabbit_declare_queue($0, queue.str, &arguments, &$1) }
        for key in keys { try link.ask { rabbit_bind($0, queue.str, name.str, key.str, &$1) } }
    }

    func deliver(_ message: Incoming, to source: Source, _ token: UInt64) -> Source.Delivered {
        var raw = octavo_pubsub_message()
        let properties = message.properties
        raw.data = properties.data
        raw.content_type = properties.content_type
        raw.message_id = properties.message_id
        raw.attempt = message.attempt
        raw.published_ns = properties.timestamp.multipliedReportingOverflow(by: 1_000_000_000).partialValue
        raw.topic = name.str
        guard broker.givesProperties else { return source.deliver(token, &raw) }
        return PairList.with(message.metadata) { list in
            raw.metadata = list
            return source.deliver(token, &raw)
        }
    }
}
