import PluginKit

/// Made once, when the runtime first asks for it, and constant after that.
nonisolated(unsafe) private let descriptor = describe(
    id: "vault", version: "1.0.0", description: "Secrets of HashiCorp Vault",
    requires: OCTAVO_FEATURE_CALLS | OCTAVO_FEATURE_REACTOR,
    types: [
        .secretStore(
            "secretstores.hashicorp.vault", .reactor, features: OCTAVO_SECRET_BULK | OCTAVO_SECRET_MULTI_VALUE,
            schema: Schema(
                title: "HashiCorp Vault", description: "Secrets of an engine for keys and values, of version 1 or 2.",
                links: ["https://developer.hashicorp.com/vault/docs/secrets/kv"], fields: Settings.fields),
            make: { (config, instance) throws(PluginError) in VaultStore(try Settings(config), instance) })
    ])

/// The one symbol that the plugin exports.
@c(octavo_plugin_v1)
public func octavo_plugin_v1() -> UnsafePointer<octavo_plugin>? { descriptor }
