import Arguments
import Telemetry

/// `octavo version`
struct VersionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "version",
        abstract: "Print the version of this command.",
        discussion: """
            The runtime's own version is in `octavo status`.

            EXAMPLES
              octavo version
              octavo version --json
            """)

    @OptionGroup var output: OutputFlags

    static var line: String { "octavo \(Version.current)" }

    func run() {
        output.write(["version": Version.current]) { _ in Self.line + "\n" }
    }
}
