/// One plugin in full: `GET /v1/plugins/{name}`.
package struct PluginDescription: Sendable, Equatable, Codable {
    package var summary: PluginSummary
    package var vendor: String?
    package var description: String?
    /// ABI the plugin was built with, and the least minor it needs: `1.4`, `1.2`.
    package var abi: String?
    package var minimumHostABI: String?
    /// Build id of the shared object, hexadecimal.
    package var buildID: String?
    package var fileBytes: Int64?
    /// Shared objects it needs.
    package var neededLibraries: [String]
    package var types: [ComponentType]

    package init(
        summary: PluginSummary, vendor: String? = nil, description: String? = nil, abi: String? = nil,
        minimumHostABI: String? = nil, buildID: String? = nil, fileBytes: Int64? = nil,
        neededLibraries: [String] = [], types: [ComponentType] = []
    ) {
        self.summary = summary
        self.vendor = vendor
        self.description = description
        self.abi = abi
        self.minimumHostABI = minimumHostABI
        self.buildID = buildID
        self.fileBytes = fileBytes
        self.neededLibraries = neededLibraries
        self.types = types
    }

    private enum CodingKeys: String, CodingKey {
        case summary, vendor, description, abi
        case minimumHostABI = "minimumHostAbi"
        case buildID = "buildId"
        case fileBytes, neededLibraries, types
    }
}

/// A component type that a plugin offers.
package struct ComponentType: Sendable, Equatable, Codable {
    /// `state.redis`.
    package var name: String
    /// `v1`.
    package var version: String
    /// `state`, `pubsub`, `secrets` …
    package var kind: String
    package var title: String?
    package var description: String?
    /// `alpha`, `beta`, `stable`.
    package var maturity: String?
    /// `inline`, `reactor`, `blocking`.
    package var execution: String
    /// Threads of an instance; nil unless the execution is `blocking`.
    package var workers: Int?
    /// What an instance may be able to do: `ETAG`, `TTL` …
    package var features: [String]
    /// Operations of a binding or the calls of the kind.
    package var operations: [String]
    /// What a component's metadata may hold.
    package var fields: [SchemaField]
    /// Page with more about it.
    package var link: String?

    package init(
        name: String, version: String, kind: String, title: String? = nil, description: String? = nil,
        maturity: String? = nil, execution: String, workers: Int? = nil, features: [String] = [],
        operations: [String] = [], fields: [SchemaField] = [], link: String? = nil
    ) {
        self.name = name
        self.version = version
        self.kind = kind
        self.title = title
        self.description = description
        self.maturity = maturity
        self.execution = execution
        self.workers = workers
        self.features = features
        self.operations = operations
        self.fields = fields
        self.link = link
    }
}

/// One entry of a component's metadata.
package struct SchemaField: Sendable, Equatable, Codable {
    package var name: String
    package var aliases: [String]
    /// `string`, `integer`, `number`, `boolean`, `duration`, `byte size`, `url`, `enum`, `list`.
    package var type: String
    package var required: Bool
    package var defaultValue: String?
    package var allowedValues: [String]
    package var description: String?
    package var example: String?
    /// Its value is never shown.
    package var sensitive: Bool
    /// Can be changed without a new instance.
    package var hot: Bool
    /// What to use instead, when it is deprecated.
    package var successor: String?
    /// The authentication profile it belongs to.
    package var profile: String?

    package init(
        name: String, aliases: [String] = [], type: String, required: Bool = false, defaultValue: String? = nil,
        allowedValues: [String] = [], description: String? = nil, example: String? = nil, sensitive: Bool = false,
        hot: Bool = false, successor: String? = nil, profile: String? = nil
    ) {
        self.name = name
        self.aliases = aliases
        self.type = type
        self.required = required
        self.defaultValue = defaultValue
        self.allowedValues = allowedValues
        self.description = description
        self.example = example
        self.sensitive = sensitive
        self.hot = hot
        self.successor = successor
        self.profile = profile
    }
}
