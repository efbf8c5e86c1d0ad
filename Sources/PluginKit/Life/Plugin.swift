/// A component type that the plugin offers.
public struct ComponentType {
    let kind: Int32
    let name: StaticString
    let aliases: [StaticString]
    let version: StaticString
    let execution: Int32
    let workers: UInt32
    let flags: UInt64
    let features: UInt64
    let schema: Schema
    let make: (Config, Instance) throws(PluginError) -> Component
    /// Of a filter: whether it sees responses, too.
    private var seesResponses = true

    public enum Execution {
        /// On event loops, several at once; never blocks.
        case inline
        /// On the instance's one thread; never blocks.
        case reactor
        /// On worker threads, several at once; may block.
        case blocking(workers: UInt32)
    }

    public static func stateStore(
        _ name: StaticString, aliases: [StaticString] = [], version: StaticString = "v1", _ execution: Execution,
        flags: UInt64 = 0, features: UInt64, schema: Schema,
        make: @escaping (Config, Instance) throws(PluginError) -> StateStore
    ) -> ComponentType {
        ComponentType(
            OCTAVO_KIND_STATE, name, aliases, version, execution, flags, features, schema,
            { (config, instance) throws(PluginError) in try make(config, instance) })
    }

    public static func secretStore(
        _ name: StaticString, aliases: [StaticString] = [], version: StaticString = "v1", _ execution: Execution,
        flags: UInt64 = 0, features: UInt64, schema: Schema,
        make: @escaping (Config, Instance) throws(PluginError) -> SecretStore
    ) -> ComponentType {
        ComponentType(
            OCTAVO_KIND_SECRET_STORE, name, aliases, version, execution, flags, features, schema,
            { (config, instance) throws(PluginError) in try make(config, instance) })
    }

    public static func pubSub(
        _ name: StaticString, aliases: [StaticString] = [], version: StaticString = "v1", _ execution: Execution,
        flags: UInt64 = 0, features: UInt64, schema: Schema,
        make: @escaping (Config, Instance) throws(PluginError) -> PubSub
    ) -> ComponentType {
        ComponentType(
            OCTAVO_KIND_PUBSUB, name, aliases, version, execution, flags, features, schema,
            { (config, instance) throws(PluginError) in try make(config, instance) })
    }

    public static func lockStore(
        _ name: StaticString, aliases: [StaticString] = [], version: StaticString = "v1", _ execution: Execution,
        flags: UInt64 = 0, features: UInt64, schema: Schema,
        make: @escaping (Config, Instance) throws(PluginError) -> LockStore
    ) -> ComponentType {
        ComponentType(
            OCTAVO_KIND_LOCK, name, aliases, version, execution, flags, features, schema,
            { (config, instance) throws(PluginError) in try make(config, instance) })
    }

    public static func configurationStore(
        _ name: StaticString, aliases: [StaticString] = [], version: StaticString = "v1", _ execution: Execution,
        flags: UInt64 = 0, features: UInt64, schema: Schema,
        make: @escaping (Config, Instance) throws(PluginError) -> ConfigurationStore
    ) -> ComponentType {
        ComponentType(
            OCTAVO_KIND_CONFIGURATION, name, aliases, version, execution, flags, features, schema,
            { (config, instance) throws(PluginError) in try make(config, instance) })
    }

    public static func crypto(
        _ name: StaticString, aliases: [StaticString] = [], version: StaticString = "v1", _ execution: Execution,
        flags: UInt64 = 0, features: UInt64, schema: Schema,
        make: @escaping (Config, Instance) throws(PluginError) -> CryptoProvider
    ) -> ComponentType {
        ComponentType(
            OCTAVO_KIND_CRYPTO, name, aliases, version, execution, flags, features, schema,
            { (config, instance) throws(PluginError) in try make(config, instance) })
    }

    public static func binding(
        _ name: StaticString, aliases: [StaticString] = [], version: StaticString = "v1", _ execution: Execution,
        flags: UInt64 = 0, features: UInt64, schema: Schema,
        make: @escaping (Config, Instance) throws(PluginError) -> Binding
    ) -> ComponentType {
        ComponentType(
            OCTAVO_KIND_BINDING, name, aliases, version, execution, flags, features, schema,
            { (config, instance) throws(PluginError) in try make(config, instance) })
    }

    public static func nameResolver(
        _ name: StaticString, aliases: [StaticString] = [], version: StaticString = "v1", _ execution: Execution,
        flags: UInt64 = 0, features: UInt64, schema: Schema,
        make: @escaping (Config, Instance) throws(PluginError) -> NameResolver
    ) -> ComponentType {
        ComponentType(
            OCTAVO_KIND_NAME_RESOLUTION, name, aliases, version, execution, flags, features, schema,
            { (config, instance) throws(PluginError) in try make(config, instance) })
    }

    /// `seesResponses`: without it `onResponse` is never asked, which costs nothing then.
    public static func filter(
        _ name: StaticString, aliases: [StaticString] = [], version: StaticString = "v1", _ execution: Execution,
        flags: UInt64 = 0, features: UInt64, seesResponses: Bool = false, schema: Schema,
        make: @escaping (Config, Instance) throws(PluginError) -> Filter
    ) -> ComponentType {
        var type = ComponentType(
            OCTAVO_KIND_FILTER, name, aliases, version, execution, flags, features, schema,
            { (config, instance) throws(PluginError) in try make(config, instance) })
        type.seesResponses = seesResponses
        return type
    }

    init(
        _ kind: Int32, _ name: StaticString, _ aliases: [StaticString], _ version: StaticString, _ execution: Execution,
        _ flags: UInt64, _ features: UInt64, _ schema: Schema,
        _ make: @escaping (Config, Instance) throws(PluginError) -> Component
    ) {
        self.kind = kind
        self.name = name
        self.aliases = aliases
        self.version = version
        self.flags = flags
        self.features = features
        self.schema = schema
        self.make = make
        switch execution {
        case .inline: (self.execution, workers) = (OCTAVO_EXECUTION_INLINE, 0)
        case .reactor: (self.execution, workers) = (OCTAVO_EXECUTION_REACTOR, 0)
        case .blocking(let count): (self.execution, workers) = (OCTAVO_EXECUTION_BLOCKING, count)
        }
    }

    /// The operations of its kind.
    var operations: UnsafeRawPointer {
        switch kind {
        case OCTAVO_KIND_STATE: UnsafeRawPointer(buildStateTable())
        case OCTAVO_KIND_PUBSUB: UnsafeRawPointer(buildPubSubTable())
        case OCTAVO_KIND_LOCK: UnsafeRawPointer(buildLockTable())
        case OCTAVO_KIND_CONFIGURATION: UnsafeRawPointer(buildConfigurationTable())
        case OCTAVO_KIND_BINDING: UnsafeRawPointer(buildBindingTable())
        case OCTAVO_KIND_CRYPTO: UnsafeRawPointer(buildCryptoTable())
        case OCTAVO_KIND_NAME_RESOLUTION: UnsafeRawPointer(buildNamesTable())
        case OCTAVO_KIND_FILTER: UnsafeRawPointer(buildFilterTable(responses: seesResponses))
        default: UnsafeRawPointer(buildSecretTable())
        }
    }

    func isNamed(_ text: Str) -> Bool {
        if text.equals(name) { return true }
        for alias in aliases where text.equals(alias) { return true }
        return false
    }
}

/// The types of this plugin; written once, when the descriptor is built, which the language's lazy
/// globals do under a lock.
nonisolated(unsafe) private var types: UnsafeMutableBufferPointer<ComponentType> = .init(start: nil, count: 0)

func registered(_ name: Str) -> ComponentType? {
    for type in types where type.isNamed(name) { return type }
    return nil
}

/// Builds the descriptor in static memory. Call it once, from a global constant:
///
///     nonisolated(unsafe) private let descriptor = describe(id: "redis", …)
///     @c(octavo_plugin_v1) public func octavo_plugin_v1() -> UnsafePointer<octavo_plugin>? { descriptor }
public func describe(
    id: StaticString, version: StaticString, vendor: StaticString = "Octavo", description: StaticString, unloadable: Bool = true,
    requires features: UInt64 = OCTAVO_FEATURE_CALLS, types offered: [ComponentType]
) -> UnsafePointer<octavo_plugin> {
    let kept = Static.room(for: ComponentType.self, offered.count)
    let described = Static.room(for: UnsafePointer<octavo_type>.self, offered.count)
    let life = buildLifeTable()
    for index in offered.indices {
        let type = offered[index]
        (kept + index).initialize(to: type)
        let raw = Static.room(for: octavo_type.self, 1)
        raw.pointee.size = UInt32(MemoryLayout<octavo_type>.size)
        raw.pointee.kind = type.kind
        raw.pointee.execution = type.execution
        raw.pointee.workers = type.workers
        raw.pointee.flags = type.flags
        raw.pointee.features = type.features
        raw.pointee.name = Str(type.name)
        raw.pointee.version = Str(type.version)
        raw.pointee.aliases = Static.texts(type.aliases)
        raw.pointee.schema = type.schema.build()
        raw.pointee.life = life
        raw.pointee.ops = type.operations
        (described + index).initialize(to: UnsafePointer(raw))
    }
    types = UnsafeMutableBufferPointer(start: kept, count: offered.count)

    let plugin = Static.room(for: octavo_plugin.self, 1)
    plugin.pointee.size = UInt32(MemoryLayout<octavo_plugin>.size)
    plugin.pointee.flags = unloadable ? OCTAVO_PLUGIN_UNLOADABLE : 0
    plugin.pointee.abi_minor = UInt32(OCTAVO_ABI_MINOR)
    plugin.pointee.requires_features = features
    plugin.pointee.id = Str(id)
    plugin.pointee.version = Str(version)
    plugin.pointee.vendor = Str(vendor)
    plugin.pointee.description = Str(description)
    plugin.pointee.types = UnsafePointer(described)
    plugin.pointee.type_count = UInt32(offered.count)
    plugin.pointee.start = { host, _ in
        table = host
        return OCTAVO_OK
    }
    return UnsafePointer(plugin)
}
