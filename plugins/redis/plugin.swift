import PluginKit

/// Made once, when the runtime first asks for it, and constant after that.
nonisolated(unsafe) private let descriptor = describe(
    id: "redis", version: "1.0.0", description: "State, messages, locks, configuration and a binding in Redis",
    requires: OCTAVO_FEATURE_CALLS | OCTAVO_FEATURE_REACTOR | OCTAVO_FEATURE_SOURCES,
    types: [
        .stateStore(
            "state.redis", .reactor, features: RedisStore.offered,
            schema: Schema(
                title: "Redis", description: "Keeps values in a Redis server, one hash a key, as Dapr does.",
                links: ["https://redis.io"], fields: Settings.stateFields),
            make: { (config, instance) throws(PluginError) in RedisStore(try Settings(config), instance) }),
        .pubSub(
            "pubsub.redis", .reactor, features: RedisBroker.offered,
            schema: Schema(
                title: "Redis streams", description: "A stream for each topic, a consumer group for each app, as Dapr has them.",
                links: ["https://redis.io"], fields: BrokerSettings.fields),
            make: { (config, instance) throws(PluginError) in RedisBroker(try Settings(config), BrokerSettings(config), instance) }),
        .lockStore(
            "lock.redis", .reactor, features: RedisLocks.offered,
            schema: Schema(
                title: "Redis locks", description: "Keeps locks in a Redis server, one key a lock, as Dapr does.",
                links: ["https://redis.io"], fields: Settings.fields),
            make: { (config, instance) throws(PluginError) in RedisLocks(try Settings(config), instance) }),
        .configurationStore(
            "configuration.redis", .reactor, features: RedisConfiguration.offered,
            schema: Schema(
                title: "Redis configuration", description: "Items are keys of a Redis server, which anybody may write to.",
                links: ["https://redis.io"], fields: Settings.fields),
            make: { (config, instance) throws(PluginError) in RedisConfiguration(try Settings(config), instance) }),
        .binding(
            "bindings.redis", .reactor, features: OCTAVO_BINDING_OUTPUT,
            schema: Schema(
                title: "Redis keys", description: "Writes, reads, counts and removes keys of a Redis server with plain values, as Dapr does.",
                links: ["https://redis.io"], fields: Settings.fields,
                operations: [
                    Operation("create", "Writes the data to the key of the metadata, for ttlInSeconds if they are given."),
                    Operation("get", "The value of the key; with delete: true it is removed."),
                    Operation("delete", repeatable: true, "Removes the key."),
                    Operation("increment", "Adds 1 to the number at the key, and answers with it."),
                ]),
            make: { (config, instance) throws(PluginError) in RedisBinding(try Settings(config), instance) }),
    ])

/// The one symbol that the plugin exports.
@c(octavo_plugin_v1)
public func octavo_plugin_v1() -> UnsafePointer<octavo_plugin>? { descriptor }
