import AdminAPI
import Console

/// Plugins for eyes.
enum PluginView {
    /// What a runtime says about its plugins.
    static func table(_ plugins: [PluginSummary], on terminal: Terminal) -> String {
        if plugins.isEmpty { return "The runtime has no plugins.\n" }
        // Processes have columns only where there are some.
        let hasProcesses = plugins.contains { $0.processID != nil }
        let processColumns = [Table.Column("PID", .right), Table.Column("RESTARTS", .right), Table.Column("RSS", .right)]
        var table = Table(
            [
                Table.Column("NAME"), Table.Column("VERSION"), Table.Column("STATE"), Table.Column("GEN", .right),
                Table.Column("MODE"),
            ] + (hasProcesses ? processColumns : []) + [
                Table.Column("COMPONENTS", .right), Table.Column("CALLS", .right), Table.Column("ERRORS", .right),
                Table.Column("P50", .right), Table.Column("P99", .right), Table.Column("TYPES", canShrink: true),
                Table.Column("REASON", canShrink: true),
            ])
        for plugin in plugins {
            let figures = plugin.statistics
            var cells = [
                Table.Cell(plugin.name), Table.Cell(plugin.version),
                Table.Cell(plugin.state.rawValue, style(plugin.state)), Table.Cell(generation(plugin)),
                Table.Cell(plugin.mode?.rawValue),
            ]
            if hasProcesses {
                cells.append(Table.Cell(plugin.processID.map { $0 == 0 ? "-" : "\($0)" }))
                cells.append(Table.Cell(plugin.restarts.map { "\($0)" }, (plugin.restarts ?? 0) > 0 ? .warning : .plain))
                cells.append(Table.Cell(plugin.memoryBytes.flatMap { $0 == 0 ? nil : HumanFormat.bytes($0) }))
            }
            cells += [
                Table.Cell("\(plugin.componentCount)"), Table.Cell(HumanFormat.count(figures.calls)),
                Table.Cell(HumanFormat.count(figures.errors), figures.errors > 0 ? .warning : .plain),
                Table.Cell(figures.p50Nanoseconds.map(HumanFormat.duration(nanoseconds:))),
                Table.Cell(figures.p99Nanoseconds.map(HumanFormat.duration(nanoseconds:))),
                Table.Cell(plugin.types.joined(separator: ", ")), Table.Cell(plugin.reason),
            ]
            table.add(cells)
        }
        return table.rendered(width: terminal.width, colour: terminal.colour)
    }

    /// What the files in a folder say about themselves.
    static func fileTable(_ plugins: [PluginSummary], on terminal: Terminal) -> String {
        var table = Table([
            Table.Column("NAME"), Table.Column("VERSION"), Table.Column("STATE"), Table.Column("UNLOAD"),
            Table.Column("TYPES", canShrink: true), Table.Column("FILE", canShrink: true),
            Table.Column("REASON", canShrink: true),
        ])
        for plugin in plugins {
            table.add(
                Table.Cell(plugin.name), Table.Cell(plugin.version),
                Table.Cell(plugin.state.rawValue, style(plugin.state)), Table.Cell(plugin.unloadClass?.rawValue),
                Table.Cell(plugin.types.joined(separator: ", ")), Table.Cell(plugin.path),
                Table.Cell(plugin.reason))
        }
        return table.rendered(width: terminal.width, colour: terminal.colour)
    }

    /// One plugin in full.
    static func text(_ plugin: PluginDescription, on terminal: Terminal) -> String {
        let summary = plugin.summary
        var list = FieldList()
        list.add("name", summary.name)
        list.add("version", summary.version)
        list.add("vendor", plugin.vendor)
        list.add("about", plugin.description)
        list.add("state", summary.state.rawValue, style(summary.state))
        list.add("because", summary.reason, style(summary.state))
        list.add("file", summary.path)
        list.add("size", plugin.fileBytes.map(HumanFormat.bytes))
        list.add("build id", plugin.buildID)
        list.add(
            "plugin ABI",
            plugin.abi.map { abi in
                abi + (plugin.minimumHostABI.map { $0 == abi ? "" : ", needs \($0)" } ?? "")
            })
        list.add("needs", plugin.neededLibraries.joined(separator: ", "))
        list.add("mode", summary.mode?.rawValue)
        list.add("process", summary.processID.map { $0 == 0 ? "being started again" : "\($0)" })
        list.add("restarts", summary.restarts.map { "\($0)" })
        list.add("isolated by", summary.isolationReason)
        list.add("memory", summary.memoryBytes.flatMap { $0 == 0 ? nil : HumanFormat.bytes($0) })
        list.add("descriptors", summary.openDescriptors.flatMap { $0 == 0 ? nil : "\($0) open" })
        list.add("limits", summary.limits?.joined(separator: ", "))
        list.add("group", summary.group)
        for helper in summary.helpers ?? [] {
            let process = helper.processID == 0 ? "being started again" : "process \(helper.processID)"
            list.add("component \(helper.component)", "\(process), \(HumanFormat.bytes(helper.memoryBytes))")
        }
        list.add("spares", summary.spares.flatMap { $0 == 0 ? nil : "\($0)" })
        list.add("unload", summary.unloadClass?.rawValue)
        if summary.generation > 0 {
            list.add("generation", "\(summary.generation)")
            list.add("components", "\(summary.componentCount)")
            list.add("calls", CallView.text(summary.statistics))
        }
        for old in summary.oldGenerations {
            list.add("generation \(old.generation)", old.state + (old.reason.map { ": \($0)" } ?? ""), .warning)
        }
        return list.rendered(colour: terminal.colour)
            + plugin.types.map { "\n" + ComponentTypeView.text($0, on: terminal) }.joined()
    }

    static func style(_ state: PluginSummary.State) -> Style {
        switch state {
        case .ready: .good
        case .rejected, .failed, .crashLooping: .bad
        case .degraded, .stalled, .draining, .restarting, .starting: .warning
        default: .plain
        }
    }

    private static func generation(_ plugin: PluginSummary) -> String? {
        guard plugin.generation > 0 else { return nil }
        return plugin.oldGenerations.isEmpty
            ? "\(plugin.generation)" : "\(plugin.generation) (+\(plugin.oldGenerations.count) old)"
    }
}

/// Figures of calls for eyes.
enum CallView {
    static func text(_ figures: CallStatistics) -> String {
        var parts = [HumanFormat.count(figures.calls)]
        if figures.errors > 0 { parts.append("\(HumanFormat.count(figures.errors)) failed") }
        if figures.open > 0 { parts.append("\(HumanFormat.count(figures.open)) open") }
        if let p50 = figures.p50Nanoseconds { parts.append("half within \(HumanFormat.duration(nanoseconds: p50))") }
        if let p99 = figures.p99Nanoseconds { parts.append("99 % within \(HumanFormat.duration(nanoseconds: p99))") }
        return parts.joined(separator: ", ")
    }
}
