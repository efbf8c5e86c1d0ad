import BuildingBlocks
import Components
import DaprAPI
import Glibc
import Logging
import Resources

/// From the operator's files to what the runtime is made of.
enum ResourceReading {
    struct Configuration {
        var apiRules = APIRules()
        var secretScopes: [SecretAccess] = []
        /// Component types, or `type/version`, that may not start.
        var deniedComponents: [String] = []
        var apiLogging = APILogging()
        var tracing = TracingSettings()
        var metrics = MetricsSettings()
        var isolation = IsolationSettings()
        /// nil: the runtime's own choice.
        var nameResolution: NameResolutionSettings?
        /// Which calls of other apps the app takes; nil: all.
        var accessControl: AccessControlSettings?
        var mutualTLS = MutualTLSSettings()
        var pipelines = Pipelines()
        var watchesPlugins = false
        /// How often secrets that components name are read again; nil: never.
        var secretInterval: Duration? = ConfigurationResource.secretInterval
        /// Whether changed resource files are taken in. Source: Dapr's feature `HotReload`, on unless it is switched off.
        var followsResources = true
    }

    /// The merged `Configuration` files. Throws when one that was named can't be read or is wrong: a rule that
    /// is not understood must not be left out.
    static func configuration(_ options: RuntimeOptions, logger: Logger) throws -> Configuration {
        var result = Configuration()
        if options.configurationPaths.isEmpty { return result }
        let outcome = ConfigurationLoader.load(paths: options.configurationPaths, environment: environment)
        tell(outcome.diagnostics, logger)
        if let error = outcome.diagnostics.first(where: { $0.severity == .error }) {
            throw StartError(error.description)
        }
        guard let read = outcome.configuration else { return result }
        result.apiRules.allowed = Set(read.api.allowed.map(rule))
        result.apiRules.denied = Set(read.api.denied.map(rule))
        result.secretScopes = read.secretScopes.map {
            SecretAccess(
                store: $0.store, allowsByDefault: $0.isAllowedByDefault, allowed: $0.allowed, denied: $0.denied)
        }
        result.apiLogging = read.apiLogging
        result.tracing = read.tracing
        result.metrics = read.metrics
        result.deniedComponents = read.deniedComponents
        result.isolation = read.isolation
        result.nameResolution = read.nameResolution
        result.accessControl = read.accessControl
        result.mutualTLS = read.mutualTLS
        result.pipelines = Pipelines(read)
        result.watchesPlugins = read.watchesPlugins
        result.secretInterval = read.secretInterval
        result.followsResources = read.features["HotReload"] ?? true
        return result
    }

    private static func rule(_ rule: APIAccess.Rule) -> APIRules.Rule {
        APIRules.Rule(group: rule.name, version: rule.version, wire: rule.protocol.rawValue)
    }

    /// What the resource files name for this app.
    struct Read {
        struct Component {
            var resource: ComponentResource
            var definition: ComponentDefinition
        }

        var components: [Component] = []
        var subscriptions: [SubscriptionResource] = []
        var endpoints: [EndpointDefinition] = []
        var diagnostics: [Diagnostic] = []
        var policies = PolicySet()
    }

    /// The resources for this app. `preferred`: see `ResourceLoader`. Blocks on the disk.
    static func resources(
        _ options: RuntimeOptions, _ configuration: Configuration, preferred: [String: String] = [:]
    ) -> Read {
        let namespace = environment["NAMESPACE"]
        let set = ResourceLoader.load(
            paths: options.resourcePaths, appID: options.appID, namespace: namespace, preferred: preferred)
        var read = Read(diagnostics: set.diagnostics)
        let resolver = MetadataResolver(
            appID: options.appID, namespace: namespace, podName: environment["POD_NAME"], environment: environment)
        var random = SystemRandomNumberGenerator()
        for component in set.components {
            if configuration.deniedComponents.contains(where: {
                $0 == component.type || $0 == "\(component.type)/\(component.version)"
            }) {
                read.diagnostics.append(
                    Diagnostic(
                        .warning, component.header.source, resource: component.header.label,
                        "it is left out: the configuration denies its type \(component.type)"))
            } else if let definition = definition(component, resolver, &random, &read.diagnostics) {
                read.components.append(Read.Component(resource: component, definition: definition))
            }
        }
        for endpoint in set.httpEndpoints {
            if let definition = EndpointDefinition(endpoint, resolver, &random, &read.diagnostics) { read.endpoints.append(definition) }
        }
        for subscription in set.subscriptions {
            do throws(EventRoutes.InvalidRule) {
                _ = try EventRoutes(SubscriptionDefinition(subscription))
                read.subscriptions.append(subscription)
            } catch {
                read.diagnostics.append(
                    Diagnostic(.error, subscription.header.source, resource: subscription.header.label, error.description))
            }
        }
        for one in set.resiliencies where !one.unapplied.isEmpty {
            read.diagnostics.append(
                Diagnostic(
                    .warning, one.header.source, resource: one.header.label,
                    "parts of it have no effect here: " + one.unapplied.joined(separator: ", ")))
        }
        for one in set.resiliencies { read.diagnostics += problems(of: one, read.components.map(\.resource)) }
        read.policies = PolicySet(set.resiliencies)
        return read
    }

    /// Limits whose count has no place.
    private static func problems(of rules: ResiliencyResource, _ components: [ComponentResource]) -> [Diagnostic] {
        rules.rateLimits.sorted { $0.key < $1.key }.compactMap { name, limit in
            guard let store = limit.shared?.store else { return nil }
            let found = components.first { $0.name == store }
            if found?.type == "state.in-memory" {
                return Diagnostic(
                    .warning, rules.header.source, resource: rules.header.label,
                    "spec.policies.rateLimits.\(name).store names \(store), whose state.in-memory is of one runtime alone: nobody shares the limit")
            }
            if let found, found.type.hasPrefix("state.") { return nil }
            return Diagnostic(
                .error, rules.header.source, resource: rules.header.label,
                "spec.policies.rateLimits.\(name).store names "
                    + (found.map { "the component \(store), which is \($0.type) and no state store" }
                        ?? "the component \(store), which is none of this app's components")
                    + "; the limit can't be shared until it names a state component")
        }
    }

    private static func definition(
        _ component: ComponentResource, _ resolver: MetadataResolver, _ random: inout SystemRandomNumberGenerator,
        _ diagnostics: inout [Diagnostic]
    ) -> ComponentDefinition? {
        var definition = ComponentDefinition(name: component.name, type: component.type)
        definition.version = component.version
        definition.initTimeout = component.initTimeout
        definition.ignoreErrors = component.ignoreErrors
        definition.isStrict = component.isStrict
        definition.isolation = component.isolation.flatMap { IsolationMode(rawValue: $0) }
        if let word = component.isolation, definition.isolation == nil {
            diagnostics.append(
                Diagnostic(
                    .error, component.header.source, resource: component.header.label,
                    "octavo.io/isolation is \"\(word)\"; it may be \(IsolationMode.allCases.map(\.rawValue).joined(separator: " or "))"))
            return nil
        }
        definition.source = "\(component.header.source)"
        switch component.startMode {
        case .required: definition.startMode = .required
        case .optional: definition.startMode = .optional
        case .lazy: definition.startMode = .lazy
        // As in Dapr, an error that may be ignored does not keep the runtime from being ready.
        case nil: definition.startMode = component.ignoreErrors == true ? .optional : .required
        }
        for item in component.metadata {
            let (value, said) = resolver.resolve(item, resource: component.header.label, random: &random)
            diagnostics += said
            switch value {
            case .text(let text): definition.metadata.append(.init(name: item.name, value: text))
            case .secret(let name, let key):
                var setting = ComponentDefinition.Setting(name: item.name, value: "", isSecret: true)
                setting.reference = .init(store: component.secretStore ?? "", name: name, key: key)
                definition.metadata.append(setting)
            case nil: return nil
            }
        }
        return definition
    }

    static func tell(_ diagnostics: [Diagnostic], _ logger: Logger) {
        for one in diagnostics {
            let level: Logger.Level =
                switch one.severity {
                case .error: .error
                case .warning: .warning
                case .note: .debug
                }
            logger.log(level: level, "a resource file", metadata: ["cause": "\(one)"])
        }
    }

    /// What is there when no resources are named: durable stores in the data folder. The others cost nothing before
    /// somebody asks for them.
    static var embedded: [ComponentDefinition] {
        [ComponentDefinition(name: "statestore", type: "state.sqlite")]
            + [("pubsub", "pubsub.sqlite"), ("lockstore", "lock.sqlite"), ("configstore", "configuration.sqlite")].map { name, type in
                var definition = ComponentDefinition(name: name, type: type)
                definition.startMode = .lazy
                return definition
            }
    }

    static var environment: [String: String] {
        var found: [String: String] = [:]
        var entry = environ
        while let text = entry.pointee {
            let parts = String(cString: text).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2 { found[String(parts[0])] = String(parts[1]) }
            entry += 1
        }
        return found
    }
}

extension SubscriptionDefinition {
    init(_ resource: SubscriptionResource) {
        self.init(pubsub: resource.pubsub, topic: resource.topic)
        metadata = resource.metadata
        deadLetterTopic = resource.deadLetterTopic
        rules = resource.rules.map { Rule(match: $0.match, path: $0.path) }
        defaultPath = resource.defaultPath.isEmpty ? nil : resource.defaultPath
        bulk = resource.bulk.map { Bulk(maximalCount: $0.maximalCount, maximalWait: $0.maximalWait) }
    }
}
