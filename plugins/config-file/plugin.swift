import PluginKit

/// Made once, when the runtime first asks for it, and constant after that.
nonisolated(unsafe) private let descriptor = describe(
    id: "config-file", version: "1.0.0", description: "Configuration in a JSON file",
    requires: OCTAVO_FEATURE_CALLS | OCTAVO_FEATURE_REACTOR | OCTAVO_FEATURE_SOURCES,
    types: [
        .configurationStore(
            "configuration.file", .reactor, features: OCTAVO_CONFIGURATION_WATCH,
            schema: Schema(
                title: "Configuration file", description: "Items are members of a JSON file, which is read again when it changes.",
                fields: [
                    .string("file", required: true, example: "/etc/app/configuration.json", "Path of the file."),
                    .string("nestedSeparator", default: ":", "Between the names of nested members."),
                ]),
            make: { (config, instance) throws(PluginError) in FileConfiguration(config, instance) })
    ])

/// The one symbol that the plugin exports.
@c(octavo_plugin_v1)
public func octavo_plugin_v1() -> UnsafePointer<octavo_plugin>? { descriptor }
