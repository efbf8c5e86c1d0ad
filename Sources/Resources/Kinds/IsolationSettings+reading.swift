extension IsolationSettings {
    private static let modes = ["none", "process"]

    /// Reads `spec.isolation`.
    static func read(_ fields: Fields, _ report: inout Report) -> IsolationSettings {
        var settings = IsolationSettings()
        settings.standard = word("default", of: modes, fields, &report)
        settings.thirdParty = word("thirdParty", of: modes, fields, &report)
        settings.onCrash = word("onCrash", of: ["isolate", "off"], fields, &report)
        settings.crashLoopLimit = count("crashLoopLimit", 0...1_000_000, fields, &report)
        for (index, node) in fields.items("plugins", &report).enumerated() {
            let entry = Fields(
                node, path: "\(fields.at("plugins"))[\(index)]", in: node.mark,
                known: [
                    "name", "mode", "spares", "memory", "cpuSeconds", "descriptors", "processes", "seccomp", "network",
                    "environment", "hangs",
                ], &report)
            guard let name = entry.requiredText("name", &report, hint: "it names a plugin, as `octavo plugin list` does")
            else { continue }
            if settings.plugins.contains(where: { $0.name == name }) {
                report.error(node.mark, "\(entry.path): plugin \(name) has an entry already; put both into one")
                continue
            }
            settings.plugins.append(plugin(name, entry, &report))
        }
        return settings
    }

    private static func plugin(_ name: String, _ fields: Fields, _ report: inout Report) -> Plugin {
        var plugin = Plugin(name: name)
        plugin.mode = word("mode", of: modes, fields, &report)
        plugin.spares = count("spares", 0...1, fields, &report)
        plugin.memory = size("memory", fields, &report)
        plugin.cpuSeconds = count("cpuSeconds", 1...1_000_000_000, fields, &report)
        // A process has a dozen open before it does anything.
        plugin.descriptors = count("descriptors", 32...1_000_000, fields, &report)
        plugin.processes = count("processes", 0...1_000_000, fields, &report)
        plugin.seccomp = word("seccomp", of: ["none", "standard", "strict"], fields, &report)
        plugin.network = word("network", of: ["none", "host"], fields, &report)
        plugin.environment = fields.texts("environment", &report)
        plugin.hangs = word("hangs", of: ["end", "ignore"], fields, &report)
        return plugin
    }

    private static func word(_ name: String, of words: [String], _ fields: Fields, _ report: inout Report) -> String? {
        guard let text = fields.text(name, &report) else { return nil }
        if words.contains(text) { return text }
        report.error(
            fields[name]?.mark ?? fields.mark,
            "\(fields.at(name)) must be \(words.joined(separator: " or ")), not \"\(text)\"\(Spelling.hint(text, in: words))")
        return nil
    }

    private static func count(_ name: String, _ range: ClosedRange<Int>, _ fields: Fields, _ report: inout Report) -> Int? {
        guard let number = fields.integer(name, &report) else { return nil }
        if range.contains(number) { return number }
        report.error(
            fields[name]?.mark ?? fields.mark,
            "\(fields.at(name)) must be from \(range.lowerBound) to \(range.upperBound), not \(number)")
        return nil
    }

    /// Bytes, as Kubernetes writes them: `268435456`, `256Mi`, `1G`.
    private static func size(_ name: String, _ fields: Fields, _ report: inout Report) -> Int? {
        guard let text = fields.text(name, &report) else { return nil }
        let units: [(String, Int)] = [
            ("Ki", 1 << 10), ("Mi", 1 << 20), ("Gi", 1 << 30), ("k", 1000), ("M", 1_000_000), ("G", 1_000_000_000), ("", 1),
        ]
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        let unit = units.first { $0.0 == text.dropFirst(digits.count) }
        if let number = Int(digits), let unit, case let (bytes, isTooLarge) = number.multipliedReportingOverflow(by: unit.1),
            !isTooLarge, bytes >= 16 << 20, bytes <= 1 << 50
        {
            return bytes
        }
        report.error(
            fields[name]?.mark ?? fields.mark,
            "\(fields.at(name)) must be bytes, as 268435456 or 256Mi, at least 16Mi, not \"\(text)\"")
        return nil
    }
}
