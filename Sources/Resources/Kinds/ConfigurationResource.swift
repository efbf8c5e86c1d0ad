/// A `Configuration` document: what the runtime as a whole may do and shows. Members that no part of the
/// runtime has typed yet stay in `spec`.
package struct ConfigurationResource: Sendable, Equatable {
    package var header: ResourceHeader
    package var api = APIAccess()
    package var secretScopes: [SecretScope] = []
    package var metrics = MetricsSettings()
    package var tracing = TracingSettings()
    package var apiLogging = APILogging()
    /// Types, or `type/version`, that must not load.
    package var deniedComponents: [String] = []
    /// Switches by name, as written.
    package var features: [String: Bool] = [:]
    package var isolation = IsolationSettings()
    /// Whether a plugin is reloaded when its file changes (`spec.plugins.watch`; Octavo's own, Dapr ignores it).
    package var watchesPlugins = false
    /// How often secrets that components name are read again (`spec.secrets.refreshInterval`; Octavo's own, Dapr ignores
    /// it); nil: never.
    package var secretInterval: Duration? = ConfigurationResource.secretInterval
    /// What tells where apps are (`spec.nameResolution`); nil: the runtime's own choice.
    package var nameResolution: NameResolutionSettings?
    /// Which calls of other apps the app takes (`spec.accessControl`); nil: all.
    package var accessControl: AccessControlSettings?
    package var mutualTLS = MutualTLSSettings()
    /// What requests of the HTTP API go through (`spec.httpPipeline`), the outermost first.
    package var httpPipeline: [PipelineHandler] = []
    /// What HTTP calls of the app go through (`spec.appHttpPipeline`).
    package var appHTTPPipeline: [PipelineHandler] = []
    /// The whole `spec`, for `workflow` and others.
    package var spec: YAMLNode?

    package init(header: ResourceHeader) { self.header = header }

    /// Where nothing else is said.
    package static let secretInterval = Duration.seconds(60)

    /// Whether a component of that type may load.
    package func allows(componentType type: String, version: String) -> Bool {
        !deniedComponents.contains { $0 == type || $0 == "\(type)/\(version)" }
    }
}

/// A name resolver, as Dapr's `nameResolution` has it.
package struct NameResolutionSettings: Sendable, Equatable {
    /// Without `nameresolution.` before it: `sqlite`.
    package var component: String
    package var version: String
    /// The resolver's settings, as written; a mapping or a list as JSON.
    package var settings: [(name: String, value: String)]

    package static func == (a: Self, b: Self) -> Bool {
        a.component == b.component && a.version == b.version && a.settings.elementsEqual(b.settings) { $0 == $1 }
    }
}

/// A middleware component in a pipeline.
package struct PipelineHandler: Sendable, Equatable {
    package var name: String
    /// `middleware.http.bearer`.
    package var type: String

    package init(name: String, type: String) {
        self.name = name
        self.type = type
    }
}

/// Which groups of the wire API answer (`spec.api`).
package struct APIAccess: Sendable, Equatable {
    package enum WireProtocol: String, Sendable {
        case http, grpc
    }

    package struct Rule: Sendable, Equatable {
        /// `state`, `publish`, …
        package var name: String
        /// `v1`, `v1.0-alpha1`, …
        package var version: String
        package var `protocol`: WireProtocol

        package init(name: String, version: String, protocol: WireProtocol) {
            self.name = name
            self.version = version
            self.protocol = `protocol`
        }
    }

    /// Empty: everything that is not denied.
    package var allowed: [Rule] = []
    /// Wins over `allowed`.
    package var denied: [Rule] = []

    package init(allowed: [Rule] = [], denied: [Rule] = []) {
        self.allowed = allowed
        self.denied = denied
    }
}

/// Which secrets of a store apps may read (`spec.secrets.scopes`).
package struct SecretScope: Sendable, Equatable {
    package var store: String
    package var isAllowedByDefault = true
    package var allowed: [String] = []
    package var denied: [String] = []

    package init(store: String) { self.store = store }

    /// The denied list wins, then a list of allowed ones decides, then the default.
    package func allows(_ secret: String) -> Bool {
        if denied.contains(secret) { return false }
        return allowed.isEmpty ? isAllowedByDefault : allowed.contains(secret)
    }
}

/// What is measured and who is shown it (`spec.metric`, `spec.metrics`).
package struct MetricsSettings: Sendable, Equatable {
    package var isEnabled = true
    package var recordsErrorCodes = false
    /// Upper bounds in milliseconds; empty is the default.
    package var latencyBuckets: [Int] = []
    /// Every path its own series.
    package var hasIncreasedCardinality: Bool?
    /// Patterns of paths that get a series each.
    package var pathMatching: [String] = []
    package var excludesVerbs = false
    /// Where metrics are sent (`spec.metrics.otel`; Octavo's own, Dapr ignores it); nil: nowhere that is written here.
    package var collector: CollectorSettings?
    /// How often (`spec.metrics.otel.interval`); nil where nothing was written.
    package var exportInterval: Duration?

    package init() {}
}

/// One log line a request (`spec.logging.apiLogging`).
package struct APILogging: Sendable, Equatable {
    package var isEnabled = false
    package var obfuscatesURLs = false
    package var omitsHealthChecks = false

    package init(isEnabled: Bool = false, obfuscatesURLs: Bool = false, omitsHealthChecks: Bool = false) {
        self.isEnabled = isEnabled
        self.obfuscatesURLs = obfuscatesURLs
        self.omitsHealthChecks = omitsHealthChecks
    }
}
