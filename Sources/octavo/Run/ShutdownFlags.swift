import Arguments
import Runtime

/// Flags of `octavo run` about the end.
struct ShutdownFlags: ParsableArguments {
    @Option(help: ArgumentHelp("Seconds that requests under way may take.", valueName: "seconds"))
    var daprGracefulShutdownSeconds = 5
    @Option(
        help: ArgumentHelp(
            "Go on serving this long after the signal, unless the app becomes unhealthy earlier.",
            valueName: "duration"))
    var daprBlockShutdownDuration: TimeSpan?

    func validate() throws {
        guard daprGracefulShutdownSeconds >= 0 else {
            throw ValidationError("--dapr-graceful-shutdown-seconds is negative; 0 ends requests at once.")
        }
    }

    func apply(to options: inout RuntimeOptions) {
        options.shutdown.grace = .seconds(daprGracefulShutdownSeconds)
        options.shutdown.block = daprBlockShutdownDuration?.duration
    }
}
