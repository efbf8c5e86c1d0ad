extension ResourceHeader {
    /// Names at the top of every kind of document.
    static let names = ["apiVersion", "kind", "metadata", "scopes"]

    /// Reads what all kinds share. Nil when there is no name: nothing could refer to the resource.
    static func read(_ kind: ResourceKind, _ document: Fields, _ report: inout Report) -> ResourceHeader? {
        report.resource = kind.rawValue
        // Kubernetes writes much more into it than we read.
        let metadata = document.fields("metadata", known: nil, &report)
        guard
            let name = metadata.requiredText("name", &report, hint: "give the \(kind.rawValue) a name in metadata.name")
        else { return nil }
        report.resource = "\(kind.rawValue) \"\(name)\""
        var header = ResourceHeader(
            kind: kind, apiVersion: document.text("apiVersion", &report) ?? "", name: name,
            source: report.location(document.mark))
        header.namespace = metadata.text("namespace", &report)
        header.annotations = metadata.dictionary("annotations", &report)
        header.labels = metadata.dictionary("labels", &report)
        header.scopes = document.texts("scopes", &report)
        return header
    }
}
