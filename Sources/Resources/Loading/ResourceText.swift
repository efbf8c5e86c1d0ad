/// Reads the documents of one resource file.
package enum ResourceText {
    /// What came out of a text.
    package struct Outcome: Sendable, Equatable {
        package var resources: [Resource] = []
        package var diagnostics: [Diagnostic] = []
    }

    /// Reads every document; a bad one never costs the good ones.
    ///
    /// - Parameters:
    ///   - bytes: UTF-8.
    ///   - file: the name to show in messages.
    ///   - scope: who asks; resources for others are left out before their members are looked at. Nil reads all.
    package static func read(
        _ bytes: [UInt8], file: String, scope: ResourceScope? = nil, limits: YAMLLimits = YAMLLimits()
    ) -> Outcome {
        var outcome = Outcome()
        for result in YAMLText.documents(bytes, limits: limits) {
            var report = Report(file: file)
            switch result {
            case .failure(let error): report.error(error.mark, error.message)
            case .success(let node):
                if let resource = resource(node, scope, &report) { outcome.resources.append(resource) }
            }
            outcome.diagnostics += report.diagnostics
        }
        return outcome
    }

    /// The resource of one document; nil when it is none of ours or has errors, which the report then says.
    static func resource(_ node: YAMLNode, _ scope: ResourceScope?, _ report: inout Report) -> Resource? {
        guard node.members != nil else {
            report.error(
                node.mark, "a resource is a mapping with apiVersion, kind, metadata and spec, not \(node.kindName)")
            return nil
        }
        guard let kind = kind(of: node, &report) else { return nil }
        let known: [String]? =
            switch kind {
            case .component, .httpEndpoint: ResourceHeader.names + ["spec", "auth"]
            case .configuration, .subscription, .resiliency: ResourceHeader.names + ["spec"]
            default: nil
            }
        let document = Fields(node, path: "", in: node.mark, known: known, &report)
        guard let header = ResourceHeader.read(kind, document, &report) else { return nil }
        if let scope, !header.applies(to: scope) {
            report.note(node.mark, "it is not for this app and namespace (scopes, metadata.namespace) and is ignored")
            return nil
        }
        let resource: Resource? =
            switch kind {
            case .component: ComponentResource.read(header, document, &report).map { .component($0) }
            case .configuration: ConfigurationResource.read(header, document, &report).map { .configuration($0) }
            case .resiliency: ResiliencyResource.read(header, document, &report).map { .resiliency($0) }
            case .subscription: SubscriptionResource.read(header, document, &report).map { .subscription($0) }
            case .httpEndpoint: HTTPEndpointResource.read(header, document, &report).map { .httpEndpoint($0) }
            default: .document(ResourceDocument(header: header, root: node))
            }
        return report.hasErrors ? nil : resource
    }

    /// Documents of other projects may lie in the same file; those of ours that are misspelt are errors.
    private static func kind(of node: YAMLNode, _ report: inout Report) -> ResourceKind? {
        let version = node["apiVersion"]?.scalar ?? ""
        let isOurs = version.hasPrefix(ResourceKind.group)
        let kinds = ResourceKind.allCases.map(\.rawValue)
        guard let written = node["kind"]?.scalar, !written.isEmpty else {
            if isOurs {
                report.error(node.mark, "kind is missing; write one of \(kinds.joined(separator: ", "))")
            } else {
                report.note(node.mark, "the document has no kind and is ignored")
            }
            return nil
        }
        let place = node["kind"]?.mark ?? node.mark
        guard let kind = ResourceKind(rawValue: written) else {
            if isOurs {
                report.warning(
                    place,
                    "the kind \(written.prefix(64)) is not known and the document is ignored"
                        + Spelling.hint(written, in: kinds))
            } else {
                report.note(place, "the kind \(written.prefix(64)) is not ours and the document is ignored")
            }
            return nil
        }
        guard kind.apiVersions.contains(version) else {
            let right = kind.apiVersions.joined(separator: " or ")
            if version.isEmpty {
                report.error(node.mark, "apiVersion is missing; write apiVersion: \(right)")
            } else if isOurs {
                report.error(
                    node["apiVersion"]?.mark ?? node.mark,
                    "\(kind.rawValue) has no apiVersion \(version.prefix(64)); write apiVersion: \(right)")
            } else {
                report.note(place, "the apiVersion \(version.prefix(64)) is not ours and the document is ignored")
            }
            return nil
        }
        return kind
    }
}
