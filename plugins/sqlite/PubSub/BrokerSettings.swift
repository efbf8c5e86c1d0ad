import PluginKit

/// What messages have besides the settings of the database.
struct BrokerSettings {
    /// A consumer that says nothing for so long has gone: its messages are given to another one. Milliseconds.
    let lease: Int64
    /// What no group has taken is kept for so long; 0: for ever. Milliseconds.
    let retention: Int64

    init(_ config: Config) {
        lease = max((config.duration("leaseTime") ?? 5_000_000_000) / 1_000_000, 300)
        retention = max((config.duration("retention") ?? 0) / 1_000_000, 0)
    }

    static var fields: [Field] {
        Settings.shared(file: "messages.db", table: "messages") + [
            .string("consumerID", "Name of the consumer group; by default the app id."),
            .duration(
                "leaseTime", default: "5s",
                "A runtime that was killed has lost its messages after so long: they go to another consumer of the group."),
            .duration("retention", default: "168h", "What no group has taken is deleted after so long; 0: never."),
        ]
    }
}
