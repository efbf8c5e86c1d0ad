import PluginKit

/// Made once, when the runtime first asks for it, and constant after that.
nonisolated(unsafe) private let descriptor = describe(
    id: "consul", version: "1.0.0", description: "Where apps are, as HashiCorp Consul knows",
    requires: OCTAVO_FEATURE_CALLS | OCTAVO_FEATURE_REACTOR,
    types: [
        .nameResolver(
            "nameresolution.consul", aliases: ["nameresolution.hashicorp.consul"], .reactor, features: OCTAVO_NAMES_ADVERTISE,
            schema: Schema(
                title: "HashiCorp Consul", description: "Apps are services of Consul, registered by their runtimes or by others.",
                links: ["https://developer.hashicorp.com/consul/api-docs"], fields: Settings.fields),
            make: { (config, instance) throws(PluginError) in ConsulNames(try Settings(config), instance) })
    ])

/// The one symbol that the plugin exports.
@c(octavo_plugin_v1)
public func octavo_plugin_v1() -> UnsafePointer<octavo_plugin>? { descriptor }
