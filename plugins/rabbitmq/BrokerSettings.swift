import PluginKit
import RabbitMQPluginNative

/// What pub/sub has besides the settings of the server.
struct BrokerSettings {
    /// Of exchanges and queues.
    let isDurable: Bool
    let isAutoDelete: Bool
    let isPersistent: Bool
    let kind: [CChar]
    let confirms: Bool
    let hasDeadLetters: Bool
    let acknowledgesAtOnce: Bool
    let requeues: Bool
    /// 0: as many as there is credit for.
    let prefetch: Int
    let maxLength: Int64
    let maxBytes: Int64
    /// Milliseconds; 0: none.
    let ttl: Int64
    let givesProperties: Bool
    /// What an operator should know of the settings.
    let advice: String?

    private static let kinds: [StaticString] = ["fanout", "topic", "direct", "headers"]

    init(_ config: Config) throws(PluginError) {
        isDurable = config.flag("durable")
        isAutoDelete = config.flag("deletedWhenUnused")
        // Without a word about it what is published to a durable queue is to survive with it.
        let mode = config.integer("deliveryMode")
        isPersistent = mode.map { $0 == 2 } ?? isDurable
        kind = Settings.c(Str(Self.kinds[Int(config.integer("exchangeKind") ?? 0)]).array)
        confirms = config.integer("publisherConfirm").map { $0 != 0 } ?? true
        hasDeadLetters = config.flag("enableDeadLetter")
        acknowledgesAtOnce = config.flag("autoAck")
        requeues = config.flag("requeueInFailure")
        var prefetch = Int(min(max(config.integer("prefetchCount") ?? 0, 0), 65535))
        if config.integer("concurrency") == 1 { prefetch = 1 }
        self.prefetch = prefetch
        maxLength = max(config.integer("maxLen") ?? 0, 0)
        maxBytes = max(config.integer("maxLenBytes") ?? 0, 0)
        ttl = max((config.duration("ttlInSeconds") ?? 0) / 1_000_000, 0)
        givesProperties = config.flag("publishMessagePropertiesToMetadata")
        let keeps = isDurable && !isAutoDelete
        advice = keeps ? nil : "As with Dapr, queues go with their last subscriber or with the server. To keep messages meanwhile, set durable to true and deletedWhenUnused to false."
    }

    /// Those of a binding's queue.
    init(binding config: Config) {
        isDurable = config.flag("durable")
        isAutoDelete = config.flag("deleteWhenUnused")
        isPersistent = true
        kind = [0]
        confirms = true
        hasDeadLetters = false
        acknowledgesAtOnce = false
        requeues = false
        prefetch = Int(min(max(config.integer("prefetchCount") ?? 0, 0), 65535))
        maxLength = 0
        maxBytes = 0
        ttl = max((config.duration("ttlInSeconds") ?? 0) / 1_000_000, 0)
        givesProperties = true
        advice = nil
    }

    static var fields: [Field] {
        [
            .string(
                "connectionString", sensitive: true, example: "amqp://user:password@localhost:5672/vhost",
                "URL of the server; amqps for TLS."),
            .string("hostname", example: "localhost:5672", "Host and port of the server, without connectionString."),
            .word("protocol", of: ["amqp", "amqps"], "With hostname: amqp, or amqps for TLS."),
            .string("username", "User, unless connectionString names one; otherwise guest."),
            .string("password", sensitive: true, "Password of username."),
            .string("consumerID", "Name of the consumer group, the beginning of its queues' names; by default the app id."),
            .boolean("durable", default: "false", "Exchanges and queues survive a restart of the server."),
            .boolean("deletedWhenUnused", default: "true", "A queue goes with its last subscriber, an exchange with its last queue."),
            .integer("deliveryMode", from: 0, to: 2, "2: messages survive a restart of the server, others do not. By default 2 when durable."),
            .boolean("publisherConfirm", default: "true", "Publishing waits until the server has taken the message over; false: until it is sent."),
            .boolean("autoAck", default: "false", "A message counts as done when it is delivered: one that fails is lost."),
            .boolean("requeueInFailure", default: "false", "What fails goes back into the queue, for any subscriber; otherwise this one gets it again."),
            .boolean("enableDeadLetter", default: "false", "What is dropped goes to the queue dlq-QUEUE."),
            .integer("prefetchCount", default: "0", from: 0, to: 65535, "At most so many messages are with the app; 0: as many as the runtime asks for."),
            .word("concurrency", of: ["parallel", "single"], default: "parallel", "single: one message at a time."),
            .word("exchangeKind", of: ["fanout", "topic", "direct", "headers"], default: "fanout", "Kind of the exchanges."),
            .integer("maxLen", from: 0, "A queue keeps so many messages; the oldest go."),
            .integer("maxLenBytes", from: 0, "A queue keeps so many bytes; the oldest messages go."),
            .duration("ttlInSeconds", "Time to live of messages that name none."),
            .duration("reconnectWait", default: "3s", "Longest pause between two attempts to connect.").alias("reconnectWaitSeconds"),
            .boolean("publishMessagePropertiesToMetadata", default: "false", "Message ids, types and headers come with messages as metadata."),
        ] + Settings.common
    }
}
