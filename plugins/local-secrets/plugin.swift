import PluginKit

/// Made once, when the runtime first asks for it, and constant after that.
nonisolated(unsafe) private let descriptor = describe(
    id: "local-secrets", version: "1.0.0", description: "Secrets of this machine: environment variables and a file",
    requires: OCTAVO_FEATURE_CALLS | OCTAVO_FEATURE_SOURCES,
    types: [
        .secretStore(
            "secretstores.local.env", .inline, features: OCTAVO_SECRET_BULK,
            schema: Schema(
                title: "Environment variables", description: "Secrets are environment variables of the runtime.",
                fields: [
                    .string(
                        "prefix", example: "MYAPP_",
                        "Only variables that start so are secrets; the name of the secret is the rest.")
                ]),
            make: { (config, instance) throws(PluginError) in EnvironmentStore(config, instance) }),
        .secretStore(
            "secretstores.local.file", .blocking(workers: 1), features: FileStore.offered,
            schema: Schema(
                title: "JSON file", description: "Secrets are members of a JSON file, which is read again when it changes.",
                fields: [
                    .string("secretsFile", required: true, example: "/run/secrets/app.json", "Path of the file."),
                    .string("nestedSeparator", default: ":", "Between the names of nested members."),
                    .boolean("multiValued", default: "false", "Each member of the first level is one secret of several values."),
                ]),
            make: { (config, instance) throws(PluginError) in FileStore(config, instance) }),
    ])

/// The one symbol that the plugin exports.
@c(octavo_plugin_v1)
public func octavo_plugin_v1() -> UnsafePointer<octavo_plugin>? { descriptor }
