import PluginKit

/// Made once, when the runtime first asks for it, and constant after that.
nonisolated(unsafe) private let descriptor = describe(
    id: "postgresql", version: "1.0.0", description: "State in PostgreSQL",
    requires: OCTAVO_FEATURE_CALLS | OCTAVO_FEATURE_REACTOR,
    types: [
        .stateStore(
            "state.postgresql", aliases: ["state.postgres"], version: "v2", .reactor, features: PostgreSQLStore.offered,
            schema: Schema(
                title: "PostgreSQL", description: "Keeps values in a table of a PostgreSQL server, as Dapr's version v2 does.",
                links: ["https://www.postgresql.org"], fields: StateSettings.fields),
            make: { (config, instance) throws(PluginError) in PostgreSQLStore(try StateSettings(config), instance) }),
    ])

/// The one symbol that the plugin exports.
@c(octavo_plugin_v1)
public func octavo_plugin_v1() -> UnsafePointer<octavo_plugin>? { descriptor }
