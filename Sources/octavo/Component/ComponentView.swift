import AdminAPI
import Console

/// Components for eyes.
enum ComponentView {
    static func table(_ components: [ComponentSummary], on terminal: Terminal) -> String {
        if components.isEmpty { return "The runtime has no components.\n" }
        var table = Table([
            Table.Column("NAME"), Table.Column("TYPE"), Table.Column("STATE"), Table.Column("HEALTH"),
            Table.Column("PLUGIN"), Table.Column("CALLS", .right), Table.Column("ERRORS", .right),
            Table.Column("P50", .right), Table.Column("P99", .right), Table.Column("FEATURES", canShrink: true),
            Table.Column("REASON", canShrink: true),
        ])
        for component in components {
            let figures = component.statistics
            table.add(
                Table.Cell(component.name), Table.Cell("\(component.type)/\(component.version)"),
                Table.Cell(component.state.rawValue, style(component.state)),
                Table.Cell(component.health.state, healthStyle(component.health)),
                Table.Cell(component.plugin.map { "\($0)@\(component.generation)" }),
                Table.Cell(HumanFormat.count(figures.calls)),
                Table.Cell(HumanFormat.count(figures.errors), figures.errors > 0 ? .warning : .plain),
                Table.Cell(figures.p50Nanoseconds.map(HumanFormat.duration(nanoseconds:))),
                Table.Cell(figures.p99Nanoseconds.map(HumanFormat.duration(nanoseconds:))),
                Table.Cell(component.features.joined(separator: ", ")),
                Table.Cell(component.reason ?? component.refusedChange ?? component.health.reason))
        }
        return table.rendered(width: terminal.width, colour: terminal.colour)
    }

    /// - Parameter now: milliseconds since 1970.
    static func text(_ component: ComponentDescription, on terminal: Terminal, now: Int64) -> String {
        let summary = component.summary
        var list = FieldList()
        list.add("name", summary.name)
        list.add("type", "\(summary.type)/\(summary.version)")
        list.add("state", summary.state.rawValue, style(summary.state))
        list.add("because", summary.reason, style(summary.state))
        list.add("refused", summary.refusedChange, .bad)
        list.add("plugin", summary.plugin.map { "\($0), generation \(summary.generation)" })
        list.add("starts", summary.startMode)
        list.add("health", health(summary.health, now: now), healthStyle(summary.health))
        list.add("last error", summary.health.lastError, .warning)
        list.add("features", summary.features.joined(separator: ", "))
        list.add("calls", CallView.text(summary.statistics))
        list.add("declared in", component.source ?? "the embedded defaults")
        list.add("apps", component.scopes.isEmpty ? "all" : component.scopes.joined(separator: ", "))
        for warning in component.warnings { list.add("warning", warning, .warning) }
        let text = list.rendered(colour: terminal.colour)
        guard !component.metadata.isEmpty else { return text }
        var table = Table([
            Table.Column("METADATA"), Table.Column("VALUE", canShrink: true), Table.Column("FROM"),
        ])
        for entry in component.metadata {
            table.add(
                Table.Cell(entry.name), entry.value.map { Table.Cell($0) } ?? Table.Cell("(secret)", .faint),
                Table.Cell(entry.origin))
        }
        return text + "\n" + table.rendered(width: terminal.width, colour: terminal.colour)
    }

    private static func health(_ health: ComponentHealth, now: Int64) -> String {
        var text = health.state
        if let since = health.sinceUnixMilliseconds {
            text += " for \(HumanFormat.duration(seconds: Double(max(0, now - since)) / 1_000))"
        }
        return text + (health.reason.map { ": \($0)" } ?? "")
    }

    private static func style(_ state: ComponentSummary.State) -> Style {
        switch state {
        case .ready: .good
        case .failed: .bad
        case .waiting, .starting, .draining, .stalled: .warning
        default: .plain
        }
    }

    private static func healthStyle(_ health: ComponentHealth) -> Style {
        switch health.state {
        case "healthy": .good
        case "unhealthy": .bad
        default: .plain
        }
    }
}
