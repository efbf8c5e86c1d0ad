import AdminAPI
import Arguments
import Console

/// `octavo plugin crashes`
struct PluginCrashesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "crashes",
        abstract: "List how processes of isolated plugins, and runtimes, have died.",
        discussion: """
            A plugin in the runtime's own process takes the runtime with it; the next start writes that report. Reports \
            are kept in the data folder, the newest 20 of each plugin.

            EXAMPLES
              octavo plugin crashes
              octavo plugin crashes show 1
              octavo plugin crashes show redis-1795449600-4711
            """)

    @OptionGroup var admin: AdminFlags
    @Argument(
        help: ArgumentHelp(
            "`show` and a report's name or number (1 is the newest): shows it in full. The name alone does, too.",
            valueName: "show report"))
    var words: [String] = []

    func run() throws {
        let list = try admin.client().crashes()
        guard let report = words.first == "show" && words.count > 1 ? words[1] : words.first else {
            return admin.output.write(list) { CrashView.table(list.crashes, on: $0) }
        }
        let byNumber = Int(report).flatMap { list.crashes.indices.contains($0 - 1) ? list.crashes[$0 - 1] : nil }
        guard let found = byNumber ?? list.crashes.first(where: { $0.id == report }) else {
            throw AdminClientError.refused(AdminError(.notFound, "There is no report \(report); see `octavo plugin crashes`."))
        }
        admin.output.write(found) { CrashView.text(found, on: $0) }
    }
}

/// `octavo plugin restart`
struct PluginRestartCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restart",
        abstract: "Start an isolated plugin's process anew, also when it keeps dying.",
        discussion: """
            Calls under way end as after a crash. `octavo plugin reload` does without that.

            EXAMPLES
              octavo plugin restart redis
            """)

    @OptionGroup var admin: AdminFlags
    @Argument(help: "The plugin's name.", completion: NameCompletion.plugins)
    var name: String

    func run() throws {
        let change = try Progress.shown("Restarting \(name)") { try admin.client().restartPlugin(named: name) }
        admin.output.write(change) { _ in PluginChangeView.text(change, verb: "Restarted") }
    }
}

/// Crash reports for eyes.
enum CrashView {
    static func table(_ crashes: [CrashReport], on terminal: Terminal) -> String {
        if crashes.isEmpty { return "No process of an isolated plugin has died, and no runtime before this one.\n" }
        var table = Table([
            Table.Column("#", .right), Table.Column("REPORT"), Table.Column("PLUGIN"), Table.Column("GEN", .right), Table.Column("PID", .right),
            Table.Column("UPTIME", .right), Table.Column("CAUSE", canShrink: true),
        ])
        for (index, one) in crashes.enumerated() {
            table.add(
                Table.Cell("\(index + 1)"), Table.Cell(one.id), Table.Cell(one.plugin), Table.Cell("\(one.generation)"), Table.Cell("\(one.processID)"),
                Table.Cell(HumanFormat.duration(nanoseconds: Int64(one.uptimeSeconds * 1e9))), Table.Cell(one.cause, .bad))
        }
        return table.rendered(width: terminal.width, colour: terminal.colour)
    }

    static func text(_ report: CrashReport, on terminal: Terminal) -> String {
        var list = FieldList()
        list.add("report", report.id)
        let generation = report.generation > 0 ? ", generation \(report.generation)" : ""
        list.add("plugin", "\(report.plugin) \(report.version)\(generation)")
        list.add("process", "\(report.processID)" + (report.inProcess == true ? ", the runtime itself" : ""))
        list.add("cause", report.cause, .bad)
        list.add("thread", report.thread)
        list.add("uptime", HumanFormat.duration(nanoseconds: Int64(report.uptimeSeconds * 1e9)))
        if let component = report.component {
            var words = component
            if let operation = report.operation { words += ", \(operation)" }
            if let bytes = report.requestBytes { words += ", \(bytes) bytes" }
            list.add("in a call of", words)
        }
        list.add("memory", report.memoryBytes.map(HumanFormat.bytes))
        list.add("descriptors", report.openDescriptors.map { "\($0) open" })
        list.add("CPU time", report.cpuSeconds.map { HumanFormat.duration(nanoseconds: Int64($0 * 1e9)) })
        list.add("limits", report.limits?.joined(separator: ", "))
        return list.rendered(colour: terminal.colour)
            + section("backtrace", report.backtrace) + section("last log lines", report.log ?? [])
    }

    private static func section(_ title: String, _ lines: [String]) -> String {
        lines.isEmpty ? "" : "\(title):\n" + lines.map { "  " + $0.printable + "\n" }.joined()
    }
}
