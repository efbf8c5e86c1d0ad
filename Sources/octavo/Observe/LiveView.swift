import AdminAPI
import Arguments
import Console
import Glibc

/// Flags of commands that look again and again.
struct LookFlags: ParsableArguments {
    @Option(help: ArgumentHelp("Time between two looks.", valueName: "duration"))
    var interval = TimeSpan(argument: "1s")!
    @Flag(help: "Look twice, an interval apart, and end.")
    var once = false

    func validate() throws {
        if interval.duration < .milliseconds(100) { throw ValidationError("--interval is too short; give 100ms or more.") }
    }

    /// Shows what happened between each look and the one before, until Control-C or the second look with `once`. `sample`: of two looks and
    /// the seconds between them. With `json` each is one line.
    func show<Look, Sample: Encodable>(
        json: Bool, look: () throws -> Look, sample: (Look, Look, Double) -> Sample, table: (Sample, Terminal) -> String
    ) throws {
        let terminal = Terminal(descriptor: STDOUT_FILENO, environment: Environment.variable)
        // A live view redraws its screen; into a file or a pipe each look is a table of its own.
        let isLive = terminal.width != nil && !once && !json
        var before = (look: try look(), at: ContinuousClock.now)
        while true {
            usleep(UInt32(clamping: Int(interval.duration / .microseconds(1))))
            let now = (look: try look(), at: ContinuousClock.now)
            let found = sample(before.look, now.look, max(0.001, (now.at - before.at) / .seconds(1)))
            if json {
                Terminal.write(AdminJSON.encoded(found) + [UInt8(ascii: "\n")], to: STDOUT_FILENO)
            } else {
                let text = table(found, terminal)
                // Home, the table line by line over the old one, and the rest of the screen empty: it does not flicker.
                let shown = isLive
                    ? "\u{1B}[H" + text.split(separator: "\n", omittingEmptySubsequences: false).joined(separator: "\u{1B}[K\n") + "\u{1B}[J"
                    : text
                Terminal.write(shown, to: STDOUT_FILENO)
            }
            if once { return }
            before = now
        }
    }
}
