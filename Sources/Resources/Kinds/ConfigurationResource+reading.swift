extension ConfigurationResource {
    private static let names = [
        "tracing", "metric", "metrics", "features", "accessControl", "httpPipeline", "appHttpPipeline",
        "nameResolution", "secrets", "api", "components", "logging", "mtls", "workflow", "wasm", "isolation",
        "plugins",
    ]

    /// Reads a document whose kind is `Configuration`.
    static func read(_ header: ResourceHeader, _ document: Fields, _ report: inout Report) -> ConfigurationResource? {
        let spec = document.fields("spec", known: names, &report)
        var configuration = ConfigurationResource(header: header)
        configuration.spec = document["spec"]
        configuration.api = api(spec.fields("api", known: ["allowed", "denied"], &report), &report)
        let secrets = spec.fields("secrets", known: ["scopes", "refreshInterval"], &report)
        configuration.secretScopes = secretScopes(secrets, &report)
        if let interval = secrets.duration("refreshInterval", &report) { configuration.secretInterval = refresh(interval, secrets, &report) }
        // Dapr takes both names; `metrics` is the later one and wins.
        for name in ["metric", "metrics"] where spec[name] != nil {
            configuration.metrics = metrics(
                spec.fields(
                    name,
                    known: ["enabled", "recordErrorCodes", "latencyDistributionBuckets", "http", "workflow", "rules", "otel"],
                    &report), &report)
        }
        configuration.tracing = .read(
            spec.fields(
                "tracing", known: ["samplingRate", "stdout", "zipkin", "otel", "slowRequest", "expandParams", "includeBody", "enabled"], &report), &report)
        let logging = spec.fields("logging", known: ["apiLogging"], &report)
            .fields("apiLogging", known: ["enabled", "obfuscateURLs", "omitHealthChecks"], &report)
        configuration.apiLogging = APILogging(
            isEnabled: logging.boolean("enabled", &report) ?? false,
            obfuscatesURLs: logging.boolean("obfuscateURLs", &report) ?? false,
            omitsHealthChecks: logging.boolean("omitHealthChecks", &report) ?? false)
        configuration.deniedComponents = spec.fields("components", known: ["deny"], &report).texts("deny", &report)
        configuration.features = features(spec, &report)
        configuration.isolation = .read(
            spec.fields("isolation", known: ["default", "thirdParty", "onCrash", "crashLoopLimit", "cgroup", "plugins", "groups"], &report), &report)
        configuration.nameResolution = nameResolution(spec, &report)
        configuration.accessControl = .read(spec, &report)
        configuration.mutualTLS = .read(spec, &report)
        configuration.httpPipeline = pipeline("httpPipeline", spec, &report)
        configuration.appHTTPPipeline = pipeline("appHttpPipeline", spec, &report)
        configuration.watchesPlugins = spec.fields("plugins", known: ["watch"], &report).boolean("watch", &report) ?? false
        return configuration
    }

    private static func api(_ fields: Fields, _ report: inout Report) -> APIAccess {
        APIAccess(allowed: rules("allowed", fields, &report), denied: rules("denied", fields, &report))
    }

    private static func rules(_ name: String, _ parent: Fields, _ report: inout Report) -> [APIAccess.Rule] {
        var rules: [APIAccess.Rule] = []
        for (index, node) in parent.items(name, &report).enumerated() {
            let fields = Fields(
                node, path: "\(parent.at(name))[\(index)]", in: node.mark, known: ["name", "version", "protocol"],
                &report)
            guard let group = fields.requiredText("name", &report, hint: "it names a group of the API, such as state")
            else { continue }
            let written = fields.text("protocol", &report) ?? "http"
            guard let wire = APIAccess.WireProtocol(rawValue: written.lowercased()) else {
                report.error(
                    fields["protocol"]?.mark ?? node.mark,
                    "\(fields.at("protocol")) must be http or grpc, not \"\(written)\"")
                continue
            }
            rules.append(
                APIAccess.Rule(name: group, version: fields.text("version", &report) ?? "", protocol: wire))
        }
        return rules
    }

    /// Zero: secrets are not read again.
    private static func refresh(_ interval: Duration, _ secrets: Fields, _ report: inout Report) -> Duration? {
        if interval == .zero { return nil }
        if interval >= .milliseconds(100) { return interval }
        guard let mark = secrets["refreshInterval"]?.mark else { return nil }
        report.error(
            mark, "\(secrets.at("refreshInterval")) must be at least 100ms, or 0 for never")
        return nil
    }

    private static func secretScopes(_ parent: Fields, _ report: inout Report) -> [SecretScope] {
        var scopes: [SecretScope] = []
        for (index, node) in parent.items("scopes", &report).enumerated() {
            let fields = Fields(
                node, path: "\(parent.at("scopes"))[\(index)]", in: node.mark,
                known: ["storeName", "defaultAccess", "allowedSecrets", "deniedSecrets"], &report)
            guard let store = fields.requiredText("storeName", &report, hint: "it names a secret store component")
            else { continue }
            guard !scopes.contains(where: { $0.store == store }) else {
                report.error(node.mark, "\(parent.at("scopes"))[\(index)] is a second one for the store \(store); put both into one")
                continue
            }
            var scope = SecretScope(store: store)
            let access = fields.text("defaultAccess", &report) ?? ""
            switch access.lowercased() {
            case "", "allow": scope.isAllowedByDefault = true
            case "deny": scope.isAllowedByDefault = false
            default:
                report.error(
                    fields["defaultAccess"]?.mark ?? node.mark,
                    "\(fields.at("defaultAccess")) must be allow or deny, not \"\(access)\"")
            }
            scope.allowed = fields.texts("allowedSecrets", &report)
            scope.denied = fields.texts("deniedSecrets", &report)
            scopes.append(scope)
        }
        return scopes
    }

    private static func metrics(_ fields: Fields, _ report: inout Report) -> MetricsSettings {
        var settings = MetricsSettings()
        settings.isEnabled = fields.boolean("enabled", &report) ?? true
        settings.recordsErrorCodes = fields.boolean("recordErrorCodes", &report) ?? false
        for (index, node) in fields.items("latencyDistributionBuckets", &report).enumerated() {
            guard let bound = node.scalar.flatMap({ Int($0) }), bound > settings.latencyBuckets.last ?? -1 else {
                report.error(
                    node.mark,
                    "\(fields.at("latencyDistributionBuckets"))[\(index)] must be a whole number of "
                        + "milliseconds, larger than the one before")
                break
            }
            settings.latencyBuckets.append(bound)
        }
        let http = fields.fields("http", known: ["increasedCardinality", "pathMatching", "excludeVerbs"], &report)
        settings.hasIncreasedCardinality = http.boolean("increasedCardinality", &report)
        settings.pathMatching = http.texts("pathMatching", &report)
        settings.excludesVerbs = http.boolean("excludeVerbs", &report) ?? false
        let otel = fields.fields("otel", known: CollectorSettings.names + ["interval"], &report)
        settings.collector = .read(otel, &report)
        if let interval = otel.duration("interval", &report) {
            if interval >= .milliseconds(100) {
                settings.exportInterval = interval
            } else {
                report.error(otel["interval"]?.mark ?? otel.mark, "\(otel.at("interval")) must be at least 100ms")
            }
        }
        return settings
    }

    private static func nameResolution(_ spec: Fields, _ report: inout Report) -> NameResolutionSettings? {
        guard spec["nameResolution"] != nil else { return nil }
        let fields = spec.fields("nameResolution", known: ["component", "version", "configuration"], &report)
        guard let component = fields.text("component", &report), !component.isEmpty else { return nil }
        var settings: [(name: String, value: String)] = []
        if case .mapping(let members)? = fields["configuration"]?.content {
            // A mapping or a list comes as JSON, as in a component's metadata.
            for member in members { settings.append((member.name, member.value.scalar ?? member.value.jsonText)) }
        }
        return NameResolutionSettings(
            component: component, version: fields.text("version", &report) ?? "v1", settings: settings)
    }

    private static func pipeline(_ name: String, _ spec: Fields, _ report: inout Report) -> [PipelineHandler] {
        let parent = spec.fields(name, known: ["handlers"], &report)
        var handlers: [PipelineHandler] = []
        for (index, node) in parent.items("handlers", &report).enumerated() {
            let fields = Fields(
                node, path: "\(parent.at("handlers"))[\(index)]", in: node.mark, known: ["name", "type", "version", "selector"], &report)
            guard let name = fields.requiredText("name", &report, hint: "it names a middleware component"),
                let type = fields.requiredText("type", &report, hint: "it is the component's, such as middleware.http.bearer")
            else { continue }
            guard type.lowercased().hasPrefix("middleware.http.") else {
                report.error(fields["type"]?.mark ?? node.mark, "\(fields.at("type")) must begin with middleware.http., not \"\(type)\"")
                continue
            }
            if let selector = fields["selector"] {
                report.warning(selector.mark, "\(fields.at("selector")) has no effect, as in Dapr: the middleware sees all requests; take it out")
            }
            handlers.append(PipelineHandler(name: name, type: type))
        }
        return handlers
    }

    private static func features(_ spec: Fields, _ report: inout Report) -> [String: Bool] {
        var features: [String: Bool] = [:]
        for (index, node) in spec.items("features", &report).enumerated() {
            let fields = Fields(
                node, path: "\(spec.at("features"))[\(index)]", in: node.mark, known: ["name", "enabled"], &report)
            guard let name = fields.requiredText("name", &report, hint: "it names a feature")
            else { continue }
            features[name] = fields.boolean("enabled", &report) ?? false
        }
        return features
    }
}
