import AdminAPI
import Arguments
import Console
import Glibc

/// `octavo logs`
struct LogsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "logs",
        abstract: "Show the last lines of the runtime's log.",
        discussion: """
            The runtime keeps its last 2,000 lines in memory; secrets are masked in them as in the log itself. --follow \
            shows what comes, until Control-C or the runtime's end. With --json each line is an object of its own.

            EXAMPLES
              octavo logs
              octavo logs --level warning
              octavo logs --follow --json | jq -r .message
            """)

    @OptionGroup var admin: AdminFlags
    @Flag(name: [.customLong("follow"), .customShort("f")], help: "Go on with what comes.")
    var follow = false
    @Option(help: ArgumentHelp("Least level: trace, debug, info, notice, warning, error, critical.", valueName: "level"))
    var level: String = "trace"
    @Option(help: ArgumentHelp("The last lines alone, so many; 0: none of those that are there.", valueName: "number"))
    var tail: Int = 2000

    private static let levels = ["trace", "debug", "info", "notice", "warning", "error", "critical"]

    func validate() throws {
        if !Self.levels.contains(level) { throw ValidationError("--level is '\(level)'; it may be \(Self.levels.joined(separator: ", ")).") }
        if tail < 0 { throw ValidationError("--tail must not be negative.") }
    }

    func run() throws {
        let client = try admin.client()
        let least = Self.levels.firstIndex(of: level) ?? 0
        func shown(_ list: LogList) -> [LogLine] { list.lines.filter { (Self.levels.firstIndex(of: $0.level) ?? 0) >= least } }
        var list = try client.logs(after: 0)
        write(Array(shown(list).suffix(tail)))
        guard follow else { return }
        while true {
            usleep(250_000)
            let next = try client.logs(after: list.last)
            // Another runtime has taken the place of the one before.
            list = next.last < list.last ? try client.logs(after: 0) : next
            write(shown(list))
        }
    }

    private func write(_ lines: [LogLine]) {
        if lines.isEmpty { return }
        if admin.output.json {
            for line in lines { Terminal.write(AdminJSON.encoded(line) + [UInt8(ascii: "\n")], to: STDOUT_FILENO) }
        } else {
            let terminal = Terminal(descriptor: STDOUT_FILENO, environment: Environment.variable)
            Terminal.write(lines.map { LogView.text($0, colour: terminal.colour) }.joined(), to: STDOUT_FILENO)
        }
    }
}

/// Lines for eyes.
enum LogView {
    static func text(_ line: LogLine, colour: Bool) -> String {
        let style: Style =
            switch line.level {
            case "warning": .warning
            case "error", "critical": .bad
            default: .plain
            }
        let level = line.level.uppercased()
        var text = "\(line.time) " + style.applied(to: level, colour: colour) + String(repeating: " ", count: max(1, 9 - level.count))
        text += line.message.printable
        for fact in line.facts { text += " \(fact.name.printable)=\(fact.value.printable)" }
        return text + "\n"
    }
}
