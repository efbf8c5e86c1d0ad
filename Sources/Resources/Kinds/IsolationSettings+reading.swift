extension IsolationSettings {
    private static let modes = ["none", "process"]

    /// Reads `spec.isolation`.
    static func read(_ fields: Fields, _ report: inout Report) -> IsolationSettings {
        var settings = IsolationSettings()
        settings.standard = word("default", of: modes, fields, &report)
        settings.thirdParty = word("thirdParty", of: modes, fields, &report)
        settings.onCrash = word("onCrash", of: ["isolate", "off"], fields, &report)
        settings.crashLoopLimit = count("crashLoopLimit", 0...1_000_000, fields, &report)
        settings.cgroup = cgroup(fields, &report)
        for (entry, name) in entries("groups", known: limits, fields, &report) {
            if settings.groups.contains(where: { $0.name == name }) {
                report.error(entry.mark, "\(entry.path): group \(name) has an entry already; put both into one")
                continue
            }
            settings.groups.append(group(name, entry, &report))
        }
        for (entry, name) in entries("plugins", known: ["mode", "scope", "group"] + limits, fields, &report) {
            if settings.plugins.contains(where: { $0.name == name }) {
                report.error(entry.mark, "\(entry.path): plugin \(name) has an entry already; put both into one")
                continue
            }
            settings.plugins.append(plugin(name, entry, &report))
        }
        for group in settings.groups where !settings.plugins.contains(where: { $0.group == group.name }) {
            report.warning(fields["groups"]?.mark ?? fields.mark, "\(fields.at("groups")): no plugin is in group \(group.name)")
        }
        return settings
    }

    private static let limits = [
        "spares", "memory", "cpus", "cpuSeconds", "descriptors", "processes", "seccomp", "network", "environment", "hangs",
    ]

    /// Mappings of a list that have a name.
    private static func entries(
        _ list: String, known: [String], _ fields: Fields, _ report: inout Report
    ) -> [(fields: Fields, name: String)] {
        fields.items(list, &report).enumerated().compactMap { index, node in
            let entry = Fields(node, path: "\(fields.at(list))[\(index)]", in: node.mark, known: ["name"] + known, &report)
            let hint = list == "plugins" ? "it names a plugin, as `octavo plugin list` does" : "plugins name it as their group"
            return entry.requiredText("name", &report, hint: hint).map { (entry, $0) }
        }
    }

    private static func plugin(_ name: String, _ fields: Fields, _ report: inout Report) -> Plugin {
        var plugin = Plugin(name: name)
        plugin.mode = word("mode", of: modes, fields, &report)
        plugin.scope = word("scope", of: ["plugin", "component"], fields, &report)
        plugin.group = fields.text("group", &report)
        plugin.process = process(fields, &report)
        if plugin.mode == "none", plugin.group != nil || plugin.scope == "component" {
            report.error(
                fields.mark, "\(fields.path): mode is none, so there is no process to share or to have; remove mode, or group and scope")
        }
        guard let group = plugin.group else { return plugin }
        if plugin.scope == "component" {
            report.error(fields.mark, "\(fields.path): a plugin of a group shares its process; remove group or scope")
        }
        for name in limits where fields[name] != nil {
            report.error(
                fields[name]?.mark ?? fields.mark,
                "\(fields.at(name)): the process is that of group \(group); put this into its entry of spec.isolation.groups")
        }
        return plugin
    }

    private static func group(_ name: String, _ fields: Fields, _ report: inout Report) -> Group {
        var group = Group(name: name)
        group.process = process(fields, &report)
        return group
    }

    private static func process(_ fields: Fields, _ report: inout Report) -> Process {
        var process = Process()
        process.spares = count("spares", 0...1, fields, &report)
        process.memory = size("memory", fields, &report)
        process.cpuSeconds = count("cpuSeconds", 1...1_000_000_000, fields, &report)
        process.milliCPUs = processors("cpus", fields, &report)
        // A process has a dozen open before it does anything.
        process.descriptors = count("descriptors", 32...1_000_000, fields, &report)
        process.processes = count("processes", 0...1_000_000, fields, &report)
        process.seccomp = word("seccomp", of: ["none", "standard", "strict"], fields, &report)
        process.network = word("network", of: ["none", "host"], fields, &report)
        process.environment = fields.texts("environment", &report)
        process.hangs = word("hangs", of: ["end", "ignore"], fields, &report)
        return process
    }

    private static func cgroup(_ fields: Fields, _ report: inout Report) -> String? {
        guard let text = fields.text("cgroup", &report) else { return nil }
        if ["off", "auto"].contains(text) || text.hasPrefix("/") { return text }
        report.error(
            fields["cgroup"]?.mark ?? fields.mark,
            "\(fields.at("cgroup")) must be off, auto or the absolute path of a folder of /sys/fs/cgroup, not \"\(text)\"")
        return nil
    }

    /// Processors in thousandths, as Kubernetes writes them: `2`, `0.5`, `500m`.
    private static func processors(_ name: String, _ fields: Fields, _ report: inout Report) -> Int? {
        guard let text = fields.text(name, &report) else { return nil }
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        var number: Int?
        if text.hasSuffix("m") {
            number = digits(text.dropLast())
        } else if let whole = parts.first.flatMap(digits), parts.count <= 2 {
            // Without a point there are no thousandths.
            let fraction = parts.count == 2 ? parts[1] : "0"
            if fraction.utf8.count <= 3, let part = digits(fraction) {
                number = whole * 1000 + part * [1000, 100, 10, 1][fraction.utf8.count]
            }
        }
        if let number, (10...1_024_000).contains(number) { return number }
        report.error(
            fields[name]?.mark ?? fields.mark,
            "\(fields.at(name)) must be processors, as 2, 0.5 or 500m, from 0.01 to 1024, not \"\(text)\"")
        return nil
    }

    /// A number of at most seven digits and nothing else.
    private static func digits(_ text: Substring) -> Int? {
        text.utf8.count <= 7 && text.utf8.allSatisfy { (0x30...0x39).contains($0) } ? Int(text) : nil
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
