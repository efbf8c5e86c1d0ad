import PluginKit

/// What pub/sub has besides the settings of the server.
struct BrokerSettings {
    /// How long a message may be with a consumer that has gone before another one takes it; 0: for ever. Nanoseconds.
    let processingTimeout: Int64
    /// How often such messages are looked for. Nanoseconds.
    let redeliverInterval: Int64
    /// About so many entries are kept in a stream; 0: all.
    let maxLength: Int64
    /// Entries that are older are cut off; 0: none. Milliseconds.
    let streamTTL: Int64

    init(_ config: Config) {
        processingTimeout = config.duration("processingTimeout") ?? 15_000_000_000
        redeliverInterval = config.duration("redeliverInterval") ?? 60_000_000_000
        maxLength = max(config.integer("maxLenApprox") ?? 0, 0)
        streamTTL = max((config.duration("streamTTL") ?? 0) / 1_000_000, 0)
    }

    var claims: Bool { processingTimeout > 0 && redeliverInterval > 0 }

    static var fields: [Field] {
        Settings.fields + [
            .string("consumerID", "Name of the consumer group; by default the app id."),
            .duration("processingTimeout", default: "15s", unit: 1_000_000, "How long a consumer may have a message before another one takes it; 0: for ever."),
            .duration("redeliverInterval", default: "60s", unit: 1_000_000, "How often such messages are looked for; 0: never."),
            .integer("maxLenApprox", from: 0, "About so many messages are kept in a topic; the oldest go."),
            .duration("streamTTL", unit: 1_000_000, "Messages that are older are cut off."),
            .integer("queueDepth", default: "100", "No effect: as many messages are fetched as the runtime asks for."),
            .integer("concurrency", default: "10", "No effect: the runtime decides how many messages are under way."),
        ]
    }
}
