import PluginKit

/// Made once, when the runtime first asks for it, and constant after that.
nonisolated(unsafe) private let descriptor = describe(
    id: "etcd", version: "1.0.0", description: "State, locks, configuration and names in etcd",
    requires: OCTAVO_FEATURE_CALLS | OCTAVO_FEATURE_REACTOR | OCTAVO_FEATURE_SOURCES,
    types: [
        .stateStore(
            "state.etcd", version: "v2", .reactor, features: EtcdStore.offered,
            schema: Schema(
                title: "etcd", description: "Keeps values in etcd, in the format of version 2 of Dapr's.", links: ["https://etcd.io"],
                fields: Settings.writingFields),
            make: { (config, instance) throws(PluginError) in EtcdStore(try Settings(config), instance) }),
        .lockStore(
            "lock.etcd", .reactor, features: EtcdLocks.offered,
            schema: Schema(
                title: "etcd locks", description: "Keeps locks in etcd: a key with a lease each.", links: ["https://etcd.io"],
                fields: Settings.fields),
            make: { (config, instance) throws(PluginError) in EtcdLocks(try Settings(config), instance) }),
        .configurationStore(
            "configuration.etcd", .reactor, features: EtcdConfiguration.offered,
            schema: Schema(
                title: "etcd configuration", description: "Items are keys of etcd below a prefix.", links: ["https://etcd.io"],
                fields: Settings.writingFields),
            make: { (config, instance) throws(PluginError) in EtcdConfiguration(try Settings(config), instance) }),
        .nameResolver(
            "nameresolution.etcd", .reactor, features: EtcdNames.offered,
            schema: Schema(
                title: "etcd names", description: "Runtimes find each other by keys of etcd, which have a lease.", links: ["https://etcd.io"],
                fields: EtcdNames.fields),
            make: { (config, instance) throws(PluginError) in try EtcdNames(Settings(config), config, instance) }),
    ])

/// The one symbol that the plugin exports.
@c(octavo_plugin_v1)
public func octavo_plugin_v1() -> UnsafePointer<octavo_plugin>? { descriptor }
