extension MetadataItem {
    /// Reads a list of `{name, value | secretKeyRef | envRef}`, as components and HTTP endpoints have it.
    static func read(_ name: String, of parent: Fields, _ report: inout Report) -> [MetadataItem] {
        var items: [MetadataItem] = []
        var lines: [String: Int] = [:]
        for (index, node) in parent.items(name, &report).enumerated() {
            let fields = Fields(
                node, path: "\(parent.at(name))[\(index)]", in: node.mark,
                known: ["name", "value", "secretKeyRef", "envRef"], &report)
            guard let itemName = fields.requiredText("name", &report, hint: "each setting is '- name: …' with a value")
            else { continue }
            if let line = lines.updateValue(node.mark.line, forKey: itemName.lowercased()) {
                report.error(
                    node.mark,
                    "the setting \(itemName) is given twice, first at line \(line); names are compared without "
                        + "regard to case: keep one of them")
                continue
            }
            guard let value = value(fields, itemName, &report) else { continue }
            items.append(MetadataItem(name: itemName, value: value, source: report.location(node.mark)))
        }
        return items
    }

    static func value(_ fields: Fields, _ name: String, _ report: inout Report) -> MetadataValue? {
        let given = ["value", "secretKeyRef", "envRef"].filter { fields[$0] != nil }
        guard given.count <= 1 else {
            report.error(
                fields.mark, "the setting \(name) has both \(given.joined(separator: " and ")); give one of them")
            return nil
        }
        switch given.first {
        case "secretKeyRef":
            let reference = fields.fields("secretKeyRef", known: ["name", "key"], &report)
            guard let secret = reference.requiredText("name", &report, hint: "it names the secret in the secret store")
            else { return nil }
            // An empty key means the secret's own name.
            let key = reference.text("key", &report) ?? ""
            return .secret(name: secret, key: key.isEmpty ? secret : key)
        case "envRef":
            return fields.requiredText("envRef", &report, hint: "it names an environment variable").map {
                .environment($0)
            }
        case "value":
            return fields["value"].map { .text($0.scalar ?? $0.jsonText) }
        default:
            // Written, but empty: an empty text, as in Dapr.
            return .text("")
        }
    }
}
