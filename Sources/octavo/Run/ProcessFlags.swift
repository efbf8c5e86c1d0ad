import Arguments
import Runtime

/// Flags of `octavo run` about the process itself.
struct ProcessFlags: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Where stores, staged plugins and crash reports are kept. (default: a folder of the app id under "
                + "$XDG_DATA_HOME/octavo)", valueName: "folder"))
    var dataDir: String?
    @Option(help: ArgumentHelp("Event loops. (default: one for each processor)", valueName: "count"))
    var eventLoops: Int?
    @Option(
        help: ArgumentHelp(
            "How long an event loop looks for an answer or a request before it sleeps, where that pays; 0 is not at all. (default: 100)",
            valueName: "time"))
    var busyPollMicroseconds: Int?
    @Option(
        help: ArgumentHelp(
            "Unix socket for the other commands. (default: the app id's, which they know)", valueName: "path"))
    var adminSocket: String?

    func apply(to options: inout RuntimeOptions) throws {
        if let eventLoops, !(1...1_024).contains(eventLoops) {
            throw ValidationError("--event-loops is \(eventLoops); give a number from 1 to 1024.")
        }
        options.eventLoops = eventLoops
        if let busyPollMicroseconds {
            guard 0...10_000 ~= busyPollMicroseconds else {
                throw ValidationError("--busy-poll-microseconds is \(busyPollMicroseconds); give a number from 0 (off) to 10000.")
            }
            options.busyPoll = .microseconds(busyPollMicroseconds)
        }
    }
}
