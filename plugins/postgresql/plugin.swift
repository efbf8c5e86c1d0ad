import PluginKit

/// Made once, when the runtime first asks for it, and constant after that.
nonisolated(unsafe) private let descriptor = describe(
    id: "postgresql", version: "1.0.0", description: "State, configuration and statements in PostgreSQL",
    requires: OCTAVO_FEATURE_CALLS | OCTAVO_FEATURE_REACTOR | OCTAVO_FEATURE_SOURCES,
    types: [
        .stateStore(
            "state.postgresql", aliases: ["state.postgres"], version: "v2", .reactor, features: PostgreSQLStore.offered,
            schema: Schema(
                title: "PostgreSQL", description: "Keeps values in a table of a PostgreSQL server, as Dapr's version v2 does.",
                links: ["https://www.postgresql.org"], fields: StateSettings.fields),
            make: { (config, instance) throws(PluginError) in PostgreSQLStore(try StateSettings(config), instance) }),
        .configurationStore(
            "configuration.postgresql", aliases: ["configuration.postgres"], .reactor, features: PostgreSQLConfiguration.offered,
            schema: Schema(
                title: "PostgreSQL configuration",
                description: "Items are rows of a table of a PostgreSQL server, which anybody may write to; a trigger tells of changes.",
                links: ["https://www.postgresql.org"], fields: ConfigurationSettings.fields),
            make: { (config, instance) throws(PluginError) in PostgreSQLConfiguration(try ConfigurationSettings(config), instance) }),
        .binding(
            "bindings.postgresql", aliases: ["bindings.postgres"], .reactor, features: PostgreSQLBinding.offered,
            schema: Schema(
                title: "PostgreSQL statements", description: "Carries out an app's statements in a PostgreSQL server.",
                links: ["https://www.postgresql.org"], fields: PostgreSQLBinding.fields, operations: PostgreSQLBinding.operations),
            make: { (config, instance) throws(PluginError) in PostgreSQLBinding(try Settings(config), instance) }),
    ])

/// The one symbol that the plugin exports.
@c(octavo_plugin_v1)
public func octavo_plugin_v1() -> UnsafePointer<octavo_plugin>? { descriptor }
