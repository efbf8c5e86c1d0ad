import AdminAPI
import Arguments
import Console

/// `octavo plugin top`
struct PluginTopCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "top",
        abstract: "Watch plugins at work: calls and errors a second, latency, memory, restarts.",
        discussion: """
            The busiest first. Control-C ends it. With --json each sample is one line.

            EXAMPLES
              octavo plugin top
              octavo plugin top --interval 5s
              octavo plugin top --once --json | jq .
            """)

    @OptionGroup var admin: AdminFlags
    @OptionGroup var looks: LookFlags

    func run() throws {
        let client = try admin.client()
        try looks.show(
            json: admin.output.json, look: { try client.plugins().plugins }, sample: { PluginSample(from: $0, to: $1, seconds: $2) },
            table: { TopView.table($0, on: $1) })
    }
}

/// What happened between two looks.
struct PluginSample: Encodable {
    struct Row: Encodable {
        var name: String
        var state: String
        var mode: String?
        var processID: Int?
        var restarts: Int?
        var memoryBytes: Int64?
        var callsPerSecond: Double
        var errorsPerSecond: Double
        var p50Nanoseconds: Int64?
        var p99Nanoseconds: Int64?
    }
    /// The busiest first.
    var plugins: [Row]

    init(from before: [PluginSummary], to now: [PluginSummary], seconds: Double) {
        plugins = now.filter { $0.generation > 0 }.map { plugin in
            let old = before.first { $0.name == plugin.name }?.statistics ?? CallStatistics()
            func rate(_ path: KeyPath<CallStatistics, Int64>) -> Double {
                Double(max(0, plugin.statistics[keyPath: path] - old[keyPath: path])) / seconds
            }
            return Row(
                name: plugin.name, state: plugin.state.rawValue, mode: plugin.mode?.rawValue, processID: plugin.processID,
                restarts: plugin.restarts, memoryBytes: plugin.memoryBytes, callsPerSecond: rate(\.calls), errorsPerSecond: rate(\.errors),
                p50Nanoseconds: plugin.statistics.p50Nanoseconds, p99Nanoseconds: plugin.statistics.p99Nanoseconds)
        }.sorted { ($1.callsPerSecond, $0.name) < ($0.callsPerSecond, $1.name) }
    }
}

/// A sample for eyes.
enum TopView {
    static func table(_ sample: PluginSample, on terminal: Terminal) -> String {
        if sample.plugins.isEmpty { return "No plugin is loaded.\n" }
        var table = Table([
            Table.Column("NAME"), Table.Column("STATE"), Table.Column("MODE"), Table.Column("PID", .right), Table.Column("RESTARTS", .right),
            Table.Column("RSS", .right), Table.Column("CALLS/S", .right), Table.Column("ERRORS/S", .right), Table.Column("P50", .right),
            Table.Column("P99", .right),
        ])
        for row in sample.plugins {
            table.add(
                Table.Cell(row.name), Table.Cell(row.state, PluginView.style(PluginSummary.State(rawValue: row.state))), Table.Cell(row.mode),
                Table.Cell(row.processID.map { $0 == 0 ? "-" : "\($0)" }),
                Table.Cell(row.restarts.map { "\($0)" }, (row.restarts ?? 0) > 0 ? .warning : .plain),
                Table.Cell(row.memoryBytes.flatMap { $0 == 0 ? nil : HumanFormat.bytes($0) }),
                Table.Cell(HumanFormat.count(Int64(row.callsPerSecond.rounded()))),
                Table.Cell(HumanFormat.count(Int64(row.errorsPerSecond.rounded())), row.errorsPerSecond > 0 ? .warning : .plain),
                Table.Cell(row.p50Nanoseconds.map(HumanFormat.duration(nanoseconds:))),
                Table.Cell(row.p99Nanoseconds.map(HumanFormat.duration(nanoseconds:))))
        }
        return table.rendered(width: terminal.width, colour: terminal.colour)
    }
}
