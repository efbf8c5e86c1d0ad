/// Which calls of other apps this runtime's app takes (`spec.accessControl`).
package struct AccessControlSettings: Sendable, Equatable {
    package enum Action: String, Sendable { case allow, deny }

    /// What a caller may do with one of the app's methods.
    package struct Operation: Sendable, Equatable {
        /// A path; `*` is any one segment, `**` at the end any number of them.
        package var name: String
        /// In capitals; `*` is any.
        package var verbs: [String] = []
        package var action = Action.deny
    }

    /// What one caller may do.
    package struct Policy: Sendable, Equatable {
        package var appID: String
        package var namespace = "default"
        package var trustDomain = "public"
        /// Where no operation says otherwise; nil: that of all callers.
        package var defaultAction: Action?
        package var operations: [Operation] = []
    }

    /// For callers without a policy.
    package var defaultAction: Action
    /// That of this runtime; nil: not said.
    package var trustDomain: String?
    package var policies: [Policy] = []
}

/// How runtimes show each other who they are (`spec.mtls`). Dapr's certificates come from a service; here they are files.
package struct MutualTLSSettings: Sendable, Equatable {
    /// nil: whether files are named decides.
    package var isEnabled: Bool?
    /// PEM: certificate with its chain, its key, the trusted roots. Octavo's own, Dapr ignores them.
    package var certificate: String?
    package var key: String?
    package var authorities: String?

    package init() {}
}

extension MutualTLSSettings {
    static func read(_ spec: Fields, _ report: inout Report) -> MutualTLSSettings {
        let fields = spec.fields(
            "mtls",
            known: [
                "enabled", "workloadCertTTL", "allowedClockSkew", "sentryAddress", "controlPlaneTrustDomain", "tokenValidators", "certFile",
                "keyFile", "caFile",
            ], &report)
        var settings = MutualTLSSettings()
        settings.isEnabled = fields.boolean("enabled", &report)
        settings.certificate = fields.text("certFile", &report).flatMap { $0.isEmpty ? nil : $0 }
        settings.key = fields.text("keyFile", &report).flatMap { $0.isEmpty ? nil : $0 }
        settings.authorities = fields.text("caFile", &report).flatMap { $0.isEmpty ? nil : $0 }
        return settings
    }
}

extension AccessControlSettings {
    /// nil: everybody may do everything. Source: Dapr, with what it does when a part is left out.
    static func read(_ spec: Fields, _ report: inout Report) -> AccessControlSettings? {
        guard spec["accessControl"] != nil else { return nil }
        let fields = spec.fields("accessControl", known: ["defaultAction", "trustDomain", "policies"], &report)
        let written = action("defaultAction", fields, &report)
        let trustDomain = fields.text("trustDomain", &report).flatMap { $0.isEmpty ? nil : $0 }
        let items = fields.items("policies", &report)
        if written == nil, trustDomain == nil, items.isEmpty { return nil }
        var settings = AccessControlSettings(defaultAction: written ?? .deny)
        settings.trustDomain = trustDomain
        for (index, node) in items.enumerated() {
            let one = Fields(
                node, path: "\(fields.at("policies"))[\(index)]", in: node.mark,
                known: ["appId", "defaultAction", "trustDomain", "namespace", "operations"], &report)
            guard let appID = one.requiredText("appId", &report, hint: "it names the app that calls") else { continue }
            var policy = Policy(appID: appID)
            if let text = one.text("namespace", &report), !text.isEmpty { policy.namespace = text }
            if let text = one.text("trustDomain", &report), !text.isEmpty { policy.trustDomain = text }
            policy.defaultAction = action("defaultAction", one, &report)
            policy.operations = operations(one, &report)
            guard !settings.policies.contains(where: { $0.appID == appID && $0.namespace == policy.namespace }) else {
                report.error(
                    node.mark,
                    "\(fields.at("policies"))[\(index)] is a second one for the app \(appID) in the namespace \(policy.namespace); "
                        + "put both into one")
                continue
            }
            settings.policies.append(policy)
        }
        return settings
    }

    private static func operations(_ policy: Fields, _ report: inout Report) -> [Operation] {
        var operations: [Operation] = []
        for (index, node) in policy.items("operations", &report).enumerated() {
            let path = "\(policy.at("operations"))[\(index)]"
            let fields = Fields(node, path: path, in: node.mark, known: ["name", "httpVerb", "action"], &report)
            guard let name = fields.requiredText("name", &report, hint: "it is the path of a method, such as /orders/*") else { continue }
            let segments = name.split(separator: "/")
            // A star that stands for less than a segment would look as if it did something.
            for segment in segments where segment.contains("*") && segment != "*" && segment != "**" {
                report.error(fields["name"]?.mark ?? node.mark, "\(fields.at("name")) may have * and ** only as whole segments, not \"\(segment)\"")
            }
            if segments.dropLast().contains("**") {
                report.error(fields["name"]?.mark ?? node.mark, "\(fields.at("name")) may have ** only at its end")
            }
            var operation = Operation(name: name)
            operation.verbs = fields.texts("httpVerb", &report).map { $0.uppercased() }
            // Source: without an action Dapr denies.
            operation.action = action("action", fields, &report) ?? .deny
            operations.append(operation)
        }
        return operations
    }

    private static func action(_ name: String, _ fields: Fields, _ report: inout Report) -> Action? {
        guard let written = fields.text(name, &report), !written.isEmpty else { return nil }
        if let action = Action(rawValue: written.lowercased()) { return action }
        report.error(fields[name]?.mark ?? SourceMark(line: 0, column: 0), "\(fields.at(name)) must be allow or deny, not \"\(written)\"")
        return nil
    }
}
