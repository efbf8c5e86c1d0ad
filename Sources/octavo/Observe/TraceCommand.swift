import AdminAPI
import Arguments
import Console

/// `octavo trace`
struct TraceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trace",
        abstract: "Show the last slow and failed requests, and where their time went.",
        discussion: """
            The runtime keeps them in memory, some hundreds of each kind, whether they are sampled or not; no payload and \
            no header is among them. What is slow says spec.tracing.slowRequest of the configuration (250 ms). The id is \
            that of the trace: a tracing system finds the same request by it, if it was sampled. With --id the exit code is \
            1 when there is no such request.

            STAGES
              received   the request's body came in
              runtime    the runtime itself: decoding, rules, encoding
              policies   pauses between tries, a place in a bulkhead, delays on purpose
              waiting    its turn: an instance to call, a place among those that the app is given at a time
              component  a component's answer
              peer       another app's runtime
              app        the app's answer
              answered   the answer went out

            EXAMPLES
              octavo trace
              octavo trace --failed --json | jq -r '.traces[].name'
              octavo trace --id 4bf92f3577b34da6a3ce929d0e0e4736
            """)

    @OptionGroup var admin: AdminFlags
    @Flag(help: "Slow ones alone.")
    var slow = false
    @Flag(help: "Failed ones alone.")
    var failed = false
    @Option(help: ArgumentHelp("Those of a trace, or of the first digits of its id.", valueName: "trace-id"), completion: NameCompletion.traces)
    var id: String?
    @Option(help: ArgumentHelp("The newest alone, so many.", valueName: "number"))
    var limit: Int = 50

    func validate() throws {
        if limit < 1 { throw ValidationError("--limit must be at least 1.") }
        if let id, id.isEmpty || id.count > 32 || !id.utf8.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }) {
            throw ValidationError("--id takes up to 32 digits, 0 to 9 and a to f, as in traceparent.")
        }
    }

    func run() throws {
        var list = try admin.client().traces()
        list.traces = Array(
            list.traces.filter { one in
                if let id, !one.traceID.hasPrefix(id) { return false }
                // Both flags are one of the two.
                if slow || failed { return (slow && one.slow) || (failed && one.failed) }
                return true
            }.prefix(limit))
        admin.output.write(list) { terminal in
            id == nil
                ? TraceView.table(list, on: terminal, now: WallClock.unixMilliseconds)
                : list.traces.map { TraceView.text($0, on: terminal, now: WallClock.unixMilliseconds) }.joined(separator: "\n")
        }
        if let id, list.traces.isEmpty {
            throw CommandFailure("No slow or failed request of trace \(id) is kept.", next: "octavo trace")
        }
    }
}

/// Requests for eyes.
enum TraceView {
    /// - Parameter now: milliseconds since 1970.
    static func table(_ list: TraceList, on terminal: Terminal, now: Int64) -> String {
        if list.traces.isEmpty {
            return "No request has failed or taken longer than \(HumanFormat.duration(nanoseconds: list.slowNanoseconds)).\n"
        }
        var table = Table([
            Table.Column("AGO", .right), Table.Column("TRACE"), Table.Column("WIRE"), Table.Column("NAME", canShrink: true),
            Table.Column("TARGET"), Table.Column("CODE"), Table.Column("TOOK", .right), Table.Column("MOST OF IT"),
        ])
        for one in list.traces {
            table.add(
                Table.Cell(ago(one, now)), Table.Cell(one.traceID), Table.Cell(one.wire), Table.Cell(one.name.printable),
                Table.Cell(one.target.printable), Table.Cell(one.code, one.failed ? .bad : .plain),
                Table.Cell(HumanFormat.duration(nanoseconds: one.nanoseconds), one.slow ? .warning : .plain), Table.Cell(longest(one)))
        }
        return table.rendered(width: terminal.width, colour: terminal.colour)
    }

    static func text(_ one: RequestTrace, on terminal: Terminal, now: Int64) -> String {
        var list = FieldList()
        list.add("trace", one.traceID)
        list.add("span", one.spanID)
        list.add("request", "\(one.wire) \(one.name.printable)")
        list.add("target", one.target.isEmpty ? nil : one.target.printable)
        list.add("code", one.code, one.failed ? .bad : .plain)
        list.add("took", HumanFormat.duration(nanoseconds: one.nanoseconds), one.slow ? .warning : .plain)
        list.add("retries", one.retries.map { "\($0)" })
        list.add("began", "\(ago(one, now)) ago")
        for stage in one.stages {
            let share = one.nanoseconds > 0 ? Int((Double(stage.nanoseconds) / Double(one.nanoseconds) * 100).rounded()) : 0
            list.add("  \(stage.name)", "\(HumanFormat.duration(nanoseconds: stage.nanoseconds)), \(share) %")
        }
        return list.rendered(colour: terminal.colour)
    }

    private static func ago(_ one: RequestTrace, _ now: Int64) -> String {
        HumanFormat.duration(seconds: Double(max(0, now - one.startUnixMilliseconds)) / 1000)
    }

    private static func longest(_ one: RequestTrace) -> String {
        guard let stage = one.stages.max(by: { $0.nanoseconds < $1.nanoseconds }) else { return "" }
        return "\(stage.name) \(HumanFormat.duration(nanoseconds: stage.nanoseconds))"
    }
}
