import PluginKeys
import PluginKit

private let offered = OCTAVO_CRYPTO_PUBLIC_KEY | OCTAVO_CRYPTO_ENCRYPT | OCTAVO_CRYPTO_WRAP | OCTAVO_CRYPTO_SIGN

/// Both are blocking, for a private operation of RSA takes milliseconds, and files are looked at.
nonisolated(unsafe) private let descriptor = describe(
    id: "crypto", version: "1.0.0", description: "Cryptography with keys of this machine: a folder, or a JSON Web Key Set",
    types: [
        .crypto(
            "crypto.dapr.localstorage", .blocking(workers: 4), features: offered,
            schema: Schema(
                title: "Keys in a folder", description: "Each key is a file, by its name: PEM, a JSON Web Key, or bytes.",
                maturity: "alpha",
                fields: [
                    .string("path", required: true, example: "/run/keys", "Folder of the keys; none is read outside of it.")
                ]),
            make: { (config, instance) throws(PluginError) in KeyFolder(config, instance) }),
        .crypto(
            "crypto.dapr.jwks", .blocking(workers: 4), features: offered,
            schema: Schema(
                title: "JSON Web Key Set", description: "Keys by their kid, out of a JSON Web Key Set (RFC 7517).",
                maturity: "alpha",
                fields: [
                    .string(
                        "jwks", required: true, sensitive: true, example: "/run/keys/jwks.json",
                        "The set itself, as it is or in Base64, or the path of a file, which is read again when it changes."),
                    .duration("requestTimeout", default: "30s", "For sets behind a URL, which are not supported: no effect."),
                    .duration("minRefreshInterval", default: "10m", "For sets behind a URL, which are not supported: no effect."),
                ]),
            make: { (config, instance) throws(PluginError) in try KeySet(config, instance) }),
    ])

/// The one symbol that the plugin exports.
@c(octavo_plugin_v1)
public func octavo_plugin_v1() -> UnsafePointer<octavo_plugin>? { descriptor }
