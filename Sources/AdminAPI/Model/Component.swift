/// One component in the list: `GET /v1/components`.
package struct ComponentSummary: Sendable, Equatable, Codable {
    /// Where a component is in its life. A later runtime may know more words.
    package struct State: RawRepresentable, Sendable, Hashable, Codable {
        package let rawValue: String
        package init(rawValue: String) { self.rawValue = rawValue }

        /// Its plugin is not there yet.
        package static let waiting = State(rawValue: "waiting")
        package static let starting = State(rawValue: "starting")
        package static let ready = State(rawValue: "ready")
        package static let failed = State(rawValue: "failed")
        /// A thread does not come out of the plugin's code; the reason says which.
        package static let stalled = State(rawValue: "stalled")
        package static let draining = State(rawValue: "draining")
        package static let stopped = State(rawValue: "stopped")
    }

    package var name: String
    /// `state.redis`.
    package var type: String
    /// `v1`.
    package var version: String
    /// The plugin it is an instance of; nil when no plugin has the type.
    package var plugin: String?
    /// Generation of that plugin.
    package var generation: Int
    package var state: State
    /// Why it failed or waits, one sentence.
    package var reason: String?
    /// Why its latest settings were refused; those before hold. nil when they were not.
    package var refusedChange: String?
    /// When it is started: `at start`, `on first use`.
    package var startMode: String
    package var health: ComponentHealth
    /// What this instance can do: `ETAG`, `TTL` …
    package var features: [String]
    package var statistics: CallStatistics

    package init(
        name: String, type: String, version: String, plugin: String? = nil, generation: Int = 0, state: State,
        reason: String? = nil, refusedChange: String? = nil, startMode: String = "at start", health: ComponentHealth = ComponentHealth(),
        features: [String] = [], statistics: CallStatistics = CallStatistics()
    ) {
        self.name = name
        self.type = type
        self.version = version
        self.plugin = plugin
        self.generation = generation
        self.state = state
        self.reason = reason
        self.refusedChange = refusedChange
        self.startMode = startMode
        self.health = health
        self.features = features
        self.statistics = statistics
    }
}

/// What the last look at a component's backend found.
package struct ComponentHealth: Sendable, Equatable, Codable {
    /// `healthy`, `unhealthy`, `unknown`.
    package var state: String
    package var reason: String?
    /// Message of the last call that failed for the backend's sake.
    package var lastError: String?
    /// When this state began, milliseconds since 1970.
    package var sinceUnixMilliseconds: Int64?

    package init(
        state: String = "unknown", reason: String? = nil, lastError: String? = nil,
        sinceUnixMilliseconds: Int64? = nil
    ) {
        self.state = state
        self.reason = reason
        self.lastError = lastError
        self.sinceUnixMilliseconds = sinceUnixMilliseconds
    }
}

/// One component in full: `GET /v1/components/{name}`.
package struct ComponentDescription: Sendable, Equatable, Codable {
    package var summary: ComponentSummary
    /// Its metadata as in effect, sorted by name; sensitive values are not here.
    package var metadata: [ComponentMetadata]
    /// Apps that may use it; empty is all.
    package var scopes: [String]
    /// File that declared it; nil for an embedded default.
    package var source: String?
    /// Warnings about its declaration, one sentence each.
    package var warnings: [String]

    package init(
        summary: ComponentSummary, metadata: [ComponentMetadata] = [], scopes: [String] = [], source: String? = nil,
        warnings: [String] = []
    ) {
        self.summary = summary
        self.metadata = metadata
        self.scopes = scopes
        self.source = source
        self.warnings = warnings
    }
}

/// One entry of a component's metadata, as in effect.
package struct ComponentMetadata: Sendable, Equatable, Codable {
    package var name: String
    /// nil when it is sensitive.
    package var value: String?
    /// Where the value is from: `file`, `default`, `secret`, `environment`.
    package var origin: String

    package init(name: String, value: String?, origin: String) {
        self.name = name
        self.value = value
        self.origin = origin
    }
}
