extension ComponentResource {
    /// Reads a document whose kind is `Component`.
    static func read(_ header: ResourceHeader, _ document: Fields, _ report: inout Report) -> ComponentResource? {
        guard document["spec"] != nil else {
            report.error(document.mark, "spec is missing; it holds the component's type and metadata")
            return nil
        }
        let spec = document.fields(
            "spec", known: ["type", "version", "initTimeout", "ignoreErrors", "metadata"], &report)
        let type = spec.requiredText("type", &report, hint: "write spec.type as category.name, such as state.redis")
        if let type, let node = spec["type"] { check(type, node.mark, &report) }

        var component = ComponentResource(header: header, type: type ?? "")
        if let version = spec.text("version", &report), !version.isEmpty { component.version = version }
        component.readTimeout(spec, &report)
        component.ignoreErrors = spec.boolean("ignoreErrors", &report)
        component.metadata = MetadataItem.read("metadata", of: spec, &report)
        component.secretStore = document.fields("auth", known: ["secretStore"], &report).text("secretStore", &report)
        component.readAnnotations(document, &report)
        return type == nil ? nil : component
    }

    private static func check(_ type: String, _ mark: SourceMark, _ report: inout Report) {
        let parts = type.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty else {
            report.error(mark, "spec.type \"\(type)\" is not category.name; write it like state.redis")
            return
        }
    }

    /// A timeout that can't be read is the default, as in Dapr.
    private mutating func readTimeout(_ spec: Fields, _ report: inout Report) {
        guard let node = spec["initTimeout"] else { return }
        if let timeout = node.scalar.flatMap({ GoDuration.parse($0) }), timeout > .zero {
            initTimeout = timeout
        } else {
            report.warning(
                node.mark,
                "spec.initTimeout must be a duration such as 500ms, 10s or 1m30s, not "
                    + "\(node.scalar.map { "\"\($0.prefix(80))\"" } ?? node.kindName); the default of 5s is used")
        }
    }

    private mutating func readAnnotations(_ document: Fields, _ report: inout Report) {
        let mark = document["metadata"]?["annotations"]?.mark ?? document.mark
        let ours = header.annotations.filter { $0.key.hasPrefix("octavo.io/") }.sorted { $0.key < $1.key }
        for (name, value) in ours {
            switch name {
            case "octavo.io/start":
                if let mode = StartMode(rawValue: value) {
                    startMode = mode
                } else {
                    report.error(mark, "\(name) must be required, optional or lazy, not \"\(value)\"")
                }
            case "octavo.io/strict":
                if let flag = YAMLNode(.scalar(value, .plain), mark: mark).boolean {
                    isStrict = flag
                } else {
                    report.error(mark, "\(name) must be true or false, not \"\(value)\"")
                }
            case "octavo.io/isolation":
                isolation = value
            default:
                let hint = Spelling.hint(name, in: ComponentResource.annotationNames)
                report.warning(mark, "the annotation \(name) is not known and not used\(hint)")
            }
        }
    }
}
