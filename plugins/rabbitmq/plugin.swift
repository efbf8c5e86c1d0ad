import PluginKit

/// Made once, when the runtime first asks for it, and constant after that.
nonisolated(unsafe) private let descriptor = describe(
    id: "rabbitmq", version: "1.0.0", description: "Messages and queues in RabbitMQ",
    requires: OCTAVO_FEATURE_CALLS | OCTAVO_FEATURE_SOURCES,
    types: [
        .pubSub(
            "pubsub.rabbitmq", .inline, features: RabbitBroker.offered,
            schema: Schema(
                title: "RabbitMQ", description: "An exchange for each topic, a queue for each app and topic, as Dapr has them.",
                links: ["https://www.rabbitmq.com"], fields: BrokerSettings.fields),
            make: { (config, instance) throws(PluginError) in
                RabbitBroker(try Settings(config), try BrokerSettings(config), instance)
            }),
        .binding(
            "bindings.rabbitmq", .inline, features: RabbitBinding.offered,
            schema: Schema(
                title: "RabbitMQ queue", description: "Writes to a queue and reads it, as Dapr does.",
                links: ["https://www.rabbitmq.com"], fields: RabbitBinding.fields,
                operations: [Operation("create", "Puts a message into the queue.")]),
            make: { (config, instance) throws(PluginError) in try RabbitBinding(config, instance) }),
    ])

/// The one symbol that the plugin exports.
@c(octavo_plugin_v1)
public func octavo_plugin_v1() -> UnsafePointer<octavo_plugin>? { descriptor }
