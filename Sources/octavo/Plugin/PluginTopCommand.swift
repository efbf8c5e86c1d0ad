import AdminAPI
import Arguments
import Console
import Glibc

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
    @Option(help: ArgumentHelp("Time between two looks.", valueName: "duration"))
    var interval = TimeSpan(argument: "1s")!
    @Flag(help: "Look twice, an interval apart, and end.")
    var once = false

    func validate() throws {
        if interval.duration < .milliseconds(100) { throw ValidationError("--interval is too short; give 100ms or more.") }
    }

    func run() throws {
        let client = try admin.client()
        let terminal = Terminal(descriptor: STDOUT_FILENO, environment: Environment.variable)
        // A live view redraws its screen; into a file or a pipe each look is a table of its own.
        let isLive = terminal.width != nil && !once && !admin.output.json
        var before = PluginLook(plugins: try client.plugins().plugins, at: .now)
        while true {
            usleep(UInt32(clamping: Int(interval.duration / .microseconds(1))))
            let now = PluginLook(plugins: try client.plugins().plugins, at: .now)
            let sample = PluginSample(from: before, to: now)
            if admin.output.json {
                Terminal.write(AdminJSON.encoded(sample) + [UInt8(ascii: "\n")], to: STDOUT_FILENO)
            } else {
                let table = TopView.table(sample, on: terminal)
                // Home, the table line by line over the old one, and the rest of the screen empty: it does not flicker.
                let shown = isLive
                    ? "\u{1B}[H" + table.split(separator: "\n", omittingEmptySubsequences: false).joined(separator: "\u{1B}[K\n") + "\u{1B}[J"
                    : table
                Terminal.write(shown, to: STDOUT_FILENO)
            }
            if once { return }
            before = now
        }
    }
}

/// The plugins at one moment.
private struct PluginLook {
    var plugins: [PluginSummary]
    var at: ContinuousClock.Instant
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

    fileprivate init(from before: PluginLook, to now: PluginLook) {
        let seconds = max(0.001, (now.at - before.at) / .seconds(1))
        plugins = now.plugins.filter { $0.generation > 0 }.map { plugin in
            let old = before.plugins.first { $0.name == plugin.name }?.statistics ?? CallStatistics()
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
