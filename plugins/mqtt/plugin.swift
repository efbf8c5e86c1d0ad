import PluginKit

/// Made once, when the runtime first asks for it, and constant after that.
nonisolated(unsafe) private let descriptor = describe(
    id: "mqtt", version: "1.0.0", description: "Messages over MQTT 3.1.1",
    requires: OCTAVO_FEATURE_CALLS | OCTAVO_FEATURE_SOURCES,
    types: [
        .pubSub(
            "pubsub.mqtt3", aliases: ["pubsub.mqtt"], .inline, features: MQTTBroker.offered,
            schema: Schema(
                title: "MQTT", description: "Topics of an MQTT 3.1.1 server, with wildcards.",
                links: ["https://mqtt.org"], fields: Settings.fields),
            make: { (config, instance) throws(PluginError) in MQTTBroker(try Settings(config), instance) }),
        .binding(
            "bindings.mqtt3", aliases: ["bindings.mqtt"], .inline, features: MQTTBinding.offered,
            schema: Schema(
                title: "MQTT topic", description: "Publishes to a topic of an MQTT 3.1.1 server and hears of it.",
                links: ["https://mqtt.org"], fields: MQTTBinding.fields,
                operations: [Operation("create", "Publishes a message.")]),
            make: { (config, instance) throws(PluginError) in try MQTTBinding(config, instance) }),
    ])

/// The one symbol that the plugin exports.
@c(octavo_plugin_v1)
public func octavo_plugin_v1() -> UnsafePointer<octavo_plugin>? { descriptor }
