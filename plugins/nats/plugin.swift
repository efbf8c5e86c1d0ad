import PluginKit

/// Made once, when the runtime first asks for it, and constant after that.
nonisolated(unsafe) private let descriptor = describe(
    id: "nats", version: "1.0.0", description: "Messages in JetStream of NATS",
    requires: OCTAVO_FEATURE_CALLS | OCTAVO_FEATURE_REACTOR | OCTAVO_FEATURE_SOURCES,
    types: [
        .pubSub(
            "pubsub.jetstream", .reactor, features: JetStreamBroker.offered,
            schema: Schema(
                title: "NATS JetStream",
                description: "Topics are subjects of streams; each consumer group has a durable consumer for a topic.",
                links: ["https://docs.nats.io/nats-concepts/jetstream"], fields: Settings.fields),
            make: { (config, instance) throws(PluginError) in JetStreamBroker(try Settings(config), instance) })
    ])

/// The one symbol that the plugin exports.
@c(octavo_plugin_v1)
public func octavo_plugin_v1() -> UnsafePointer<octavo_plugin>? { descriptor }
