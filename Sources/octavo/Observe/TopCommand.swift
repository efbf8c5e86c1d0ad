import AdminAPI
import Arguments
import Console

/// `octavo top`
struct TopCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "top",
        abstract: "Watch APIs, components and the app at work: rate, errors, latency, in flight.",
        discussion: """
            The busiest first: APIs, components, the app (`invoke`, `pubsub/TOPIC`, `bindings/NAME`) and, as `peer`, other apps \
            that it calls. Control-C ends it. Latencies are those since the start, rates those of the interval. With \
            --json each look is one line. `octavo plugin top` shows plugins and their processes.

            EXAMPLES
              octavo top
              octavo top --interval 5s
              octavo top --once --json | jq '.rows[] | select(.group == "api")'
            """)

    @OptionGroup var admin: AdminFlags
    @OptionGroup var looks: LookFlags

    func run() throws {
        let client = try admin.client()
        try looks.show(
            json: admin.output.json, look: { try client.load() }, sample: { LoadSample(from: $0, to: $1, seconds: $2) },
            table: { LoadView.table($0, on: $1) })
    }
}

/// What happened between two looks.
struct LoadSample: Encodable {
    struct Row: Encodable {
        /// `api`, `component`, `app`, `peer`.
        var group: String
        var name: String
        var callsPerSecond: Double
        var errorsPerSecond: Double
        /// Since the start.
        var calls: Int64
        var errors: Int64
        /// Not known of an API.
        var inFlight: Int64?
        var p50Nanoseconds: Int64?
        var p99Nanoseconds: Int64?
    }

    /// Requests and deliveries of all kinds.
    var underWay: Int
    var seconds: Double
    /// The busiest of each group first.
    var rows: [Row]

    init(from before: LoadList, to now: LoadList, seconds: Double) {
        self.seconds = seconds
        underWay = now.underWay
        rows = now.loads.map { one in
            let old = before.loads.first { $0.group == one.group && $0.name == one.name }?.statistics ?? CallStatistics()
            func rate(_ path: KeyPath<CallStatistics, Int64>) -> Double {
                Double(max(0, one.statistics[keyPath: path] - old[keyPath: path])) / seconds
            }
            return Row(
                group: one.group, name: one.name, callsPerSecond: rate(\.calls), errorsPerSecond: rate(\.errors), calls: one.statistics.calls,
                errors: one.statistics.errors, inFlight: one.group == "api" ? nil : one.statistics.open, p50Nanoseconds: one.statistics.p50Nanoseconds,
                p99Nanoseconds: one.statistics.p99Nanoseconds)
        }.sorted { ($0.group, $1.callsPerSecond, $0.name) < ($1.group, $0.callsPerSecond, $1.name) }
    }
}

/// A sample for eyes.
enum LoadView {
    static func table(_ sample: LoadSample, on terminal: Terminal) -> String {
        let head = "\(HumanFormat.count(Int64(sample.underWay))) requests and deliveries are under way.\n"
        if sample.rows.isEmpty { return head }
        var table = Table([
            Table.Column("GROUP"), Table.Column("NAME", canShrink: true), Table.Column("CALLS/S", .right), Table.Column("ERRORS/S", .right),
            Table.Column("CALLS", .right), Table.Column("ERRORS", .right), Table.Column("IN FLIGHT", .right), Table.Column("P50", .right),
            Table.Column("P99", .right),
        ])
        for row in sample.rows {
            table.add(
                Table.Cell(row.group), Table.Cell(row.name.printable), Table.Cell(HumanFormat.count(Int64(row.callsPerSecond.rounded()))),
                Table.Cell(HumanFormat.count(Int64(row.errorsPerSecond.rounded())), row.errorsPerSecond > 0 ? .warning : .plain),
                Table.Cell(HumanFormat.count(row.calls)), Table.Cell(HumanFormat.count(row.errors), row.errors > 0 ? .warning : .plain),
                Table.Cell(row.inFlight.map(HumanFormat.count)),
                Table.Cell(row.p50Nanoseconds.map(HumanFormat.duration(nanoseconds:))),
                Table.Cell(row.p99Nanoseconds.map(HumanFormat.duration(nanoseconds:))))
        }
        return head + table.rendered(width: terminal.width, colour: terminal.colour)
    }
}
