import PluginKit

/// Made once, when the runtime first asks for it, and constant after that.
nonisolated(unsafe) private let descriptor = describe(
    id: "local-bindings", version: "1.0.0", description: "Bindings of the machine itself: its clock and its files",
    requires: OCTAVO_FEATURE_CALLS | OCTAVO_FEATURE_REACTOR | OCTAVO_FEATURE_SOURCES,
    types: [
        .binding(
            "bindings.cron", .reactor, features: OCTAVO_BINDING_INPUT,
            schema: Schema(
                title: "Cron", description: "An event each time that a schedule is due.",
                fields: [
                    .string(
                        "schedule", required: true, example: "@every 15m",
                        "A crontab line of 5 fields, or 6 with seconds first, or @every and a duration; TZ=Europe/Berlin may go before.")
                ]),
            make: { (config, instance) throws(PluginError) in try CronBinding(config, instance) }),
        .binding(
            "bindings.localstorage", .blocking(workers: 4), features: OCTAVO_BINDING_OUTPUT,
            schema: Schema(
                title: "Local storage", description: "Files below a folder of this machine.",
                fields: [.string("rootPath", required: true, example: "/var/lib/app/files", "The folder; it is made if it is missing.")],
                operations: [
                    Operation("create", "Writes a file: fileName, or a new name."),
                    Operation("get", repeatable: true, "The content of the file fileName."),
                    Operation("list", repeatable: true, "The files in the folder fileName and below, or all."),
                    Operation("delete", "Removes the file fileName."),
                ]),
            make: { (config, instance) throws(PluginError) in try LocalStorage(config, instance) }),
    ])

/// The one symbol that the plugin exports.
@c(octavo_plugin_v1)
public func octavo_plugin_v1() -> UnsafePointer<octavo_plugin>? { descriptor }
