package import BuildingBlocks

/// A component as metadata replies list it.
package struct RegisteredComponent: Sendable {
    package var name: String
    package var type: String
    package var version: String
    /// Dapr's words: `ETAG`, `TRANSACTIONAL`, `TTL` …
    package var capabilities: [String]

    package init(name: String, type: String, version: String, capabilities: [String]) {
        self.name = name
        self.type = type
        self.version = version
        self.capabilities = capabilities
    }
}

/// How the runtime reaches its app, as metadata replies tell it.
package struct AppConnection: Sendable {
    package var port: Int
    package var `protocol`: String
    package var channelAddress: String
    package var maxConcurrency: Int
    /// `nil` when the app is not probed.
    package var health: Health?

    /// Probes of the app's health.
    package struct Health: Sendable {
        package var path: String
        package var interval: Duration
        package var timeout: Duration
        package var threshold: Int

        package init(path: String, interval: Duration, timeout: Duration, threshold: Int) {
            self.path = path
            self.interval = interval
            self.timeout = timeout
            self.threshold = threshold
        }
    }

    package init(port: Int, protocol: String, channelAddress: String, maxConcurrency: Int, health: Health? = nil) {
        self.port = port
        self.protocol = `protocol`
        self.channelAddress = channelAddress
        self.maxConcurrency = maxConcurrency
        self.health = health
    }
}

/// What the API needs to know of the runtime around it, and may ask of it. Any thread.
package protocol RuntimeFacts: Sendable {
    var identity: AppIdentity { get }
    var version: String { get }
    /// `nil` without an app.
    var app: AppConnection? { get }
    /// The token that callers must show; `nil` for none.
    var apiToken: String? { get }
    var apiRules: APIRules { get }
    var secretScopes: [SecretAccess] { get }
    /// Whether everything that readiness waits for is there; the reasons why not.
    var notReady: [String] { get }
    /// Whether components are up and the servers listen.
    var isOutboundReady: Bool { get }
    /// Free text that clients keep here.
    var extendedMetadata: [String: String] { get }
    func setExtendedMetadata(_ key: String, _ value: String)
    /// Servers that are no apps and have names.
    var httpEndpoints: [String] { get }
    /// Topics that the app hears of.
    var subscriptions: SubscriptionDirectory { get }
    /// Of all event loops.
    var configurationSubscriptions: ConfigurationSubscriptions { get }
    /// Who tells the app of changes; nil: nobody can, so subscriptions over HTTP are refused.
    var configurationReceiver: (any ConfigurationReceiver)? { get }
    /// Calls `done` on any thread.
    func registeredComponents(_ done: @escaping @Sendable ([RegisteredComponent]) -> Void)
    /// Begins to stop; `force` ends at once.
    func shutdown(force: Bool)
}

/// Which secrets an app may read. Source: Dapr's `spec.secrets.scopes`.
package struct SecretAccess: Sendable, Equatable {
    package var store: String
    package var allowsByDefault: Bool
    package var allowed: [String]
    package var denied: [String]

    package init(store: String, allowsByDefault: Bool = true, allowed: [String] = [], denied: [String] = []) {
        self.store = store
        self.allowsByDefault = allowsByDefault
        self.allowed = allowed
        self.denied = denied
    }

    /// The denied list wins, then a non-empty allowed list decides, then the default.
    package func permits(_ secret: String) -> Bool {
        if denied.contains(secret) { return false }
        if !allowed.isEmpty { return allowed.contains(secret) }
        return allowsByDefault
    }
}
