import PluginKit

/// Values and messages are kept in the memory of the process: for tests and for what may be lost. Made once, when the runtime first
/// asks for it, and constant after that.
nonisolated(unsafe) private let descriptor = describe(
    id: "memory", version: "1.0.0", description: "State and messages in the memory of the process",
    types: [
        .stateStore(
            "state.in-memory", .inline, flags: OCTAVO_TYPE_HOLDS_STATE, features: MemoryStore.offered,
            schema: Schema(
                title: "In-memory",
                description: "Keeps values in memory; they are gone when the runtime ends.",
                fields: [
                    .byteSize(
                        "maxBytes", default: "0", example: "256Mi",
                        "Bytes of keys and values together above which writes are refused; 0 = no limit.")
                ]),
            make: { (config, instance) throws(PluginError) in MemoryStore(config, instance) }),
        .pubSub(
            "pubsub.in-memory", .inline, features: MemoryBroker.offered,
            schema: Schema(
                title: "In-memory",
                description: "Gives each group of subscribers each message; what nobody has taken is gone when the runtime ends.",
                fields: [
                    .integer(
                        "maxQueued", default: "65536", from: 1, to: 16_777_216,
                        "Messages that may wait for one group; a publication beyond is refused."),
                    .duration("retention", default: "5m", "How long messages wait for a group while nobody listens."),
                    .string("consumerID", "Name of the consumer group; by default the app id."),
                ]),
            make: { (config, instance) throws(PluginError) in MemoryBroker(config, instance) }),
    ])

/// The one symbol that the plugin exports.
@c(octavo_plugin_v1)
public func octavo_plugin_v1() -> UnsafePointer<octavo_plugin>? { descriptor }
