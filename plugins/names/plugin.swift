import PluginKit

/// Made once, when the runtime first asks for it, and constant after that.
nonisolated(unsafe) private let descriptor = describe(
    id: "names", version: "1.0.0", description: "Where apps are, without a server for it",
    requires: OCTAVO_FEATURE_CALLS | OCTAVO_FEATURE_REACTOR,
    types: [
        .nameResolver(
            "nameresolution.structuredformat", aliases: ["nameresolution.structured"], .blocking(workers: 1), features: 0,
            schema: Schema(
                title: "Structured format", description: "Apps and their addresses are a table in JSON or YAML, in the settings or in a file.",
                fields: StructuredNames.fields),
            make: { (config, instance) throws(PluginError) in try StructuredNames(config, instance) }),
        .nameResolver(
            "nameresolution.kubernetes", .reactor, features: 0,
            schema: Schema(
                title: "Kubernetes", description: "Asks the DNS of the cluster for the service of an app.",
                links: ["https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/"], fields: KubernetesNames.fields),
            make: { (config, instance) throws(PluginError) in try KubernetesNames(config, instance) }),
        .nameResolver(
            "nameresolution.mdns", .reactor, features: MulticastNames.offered,
            schema: Schema(
                title: "mDNS", description: "Runtimes of one network find each other by multicast DNS, Dapr's among them.",
                links: ["https://www.rfc-editor.org/rfc/rfc6762"], fields: MulticastNames.fields),
            make: { (config, instance) throws(PluginError) in MulticastNames(config, instance) }),
    ])

/// The one symbol that the plugin exports.
@c(octavo_plugin_v1)
public func octavo_plugin_v1() -> UnsafePointer<octavo_plugin>? { descriptor }
