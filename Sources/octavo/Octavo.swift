import Arguments

/// The root of the commands.
struct Octavo: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "octavo",
        abstract: "An application runtime: one API for state, messages, secrets and more, components from plugins.",
        discussion: """
            EXAMPLES
              octavo run                                 a runtime that needs no server
              octavo run --app-id shop -- python3 app.py the same beside an app
              octavo status                              is it ready, and if not, why
              octavo plugin list                         what is loaded, and how it does
              octavo subscription list                   what the app hears of, and whether it comes
              octavo policy explain app/shop             timeouts, retries and more, and where they come from
              octavo trace                               what was slow or failed, and where the time went
              octavo state get statestore cart-1         a value, as the app wrote it

            EXIT CODES
              0  done
              1  failed; the reason is on standard error
              2  misuse: a command or flag that does not exist or has a wrong value
              3  the runtime can't be reached
              `octavo run` with an app returns the app's own code.
            """,
        version: VersionCommand.line,
        subcommands: [
            RunCommand.self, StatusCommand.self, PluginCommand.self, ComponentCommand.self, ResourcesCommand.self,
            SubscriptionCommand.self, PolicyCommand.self, StateCommand.self, CACommand.self, TopCommand.self, TraceCommand.self, LogsCommand.self,
            DoctorCommand.self, VersionCommand.self, CompletionCommand.self,
        ])
}
