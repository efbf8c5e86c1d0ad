import PluginKit

/// Made once, when the runtime first asks for it, and constant after that.
nonisolated(unsafe) private let descriptor = describe(
    id: "kubernetes", version: "1.0.0", description: "Secrets of Kubernetes",
    requires: OCTAVO_FEATURE_CALLS | OCTAVO_FEATURE_REACTOR | OCTAVO_FEATURE_SOURCES,
    types: [
        .secretStore(
            "secretstores.kubernetes", .reactor, features: KubernetesSecrets.offered,
            schema: Schema(
                title: "Kubernetes", description: "Secrets of a namespace of Kubernetes.",
                links: ["https://kubernetes.io/docs/concepts/configuration/secret/"], fields: Settings.fields),
            make: { (config, instance) throws(PluginError) in KubernetesSecrets(try Settings(config), instance) })
    ])

/// The one symbol that the plugin exports.
@c(octavo_plugin_v1)
public func octavo_plugin_v1() -> UnsafePointer<octavo_plugin>? { descriptor }
