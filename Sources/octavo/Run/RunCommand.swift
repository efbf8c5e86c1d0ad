import Arguments
import Runtime

/// `octavo run`: a runtime in the foreground, with or without an app.
struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Run the runtime, and an app beside it.",
        discussion: """
            Without flags the runtime listens on 127.0.0.1, ports 3500 (HTTP) and 50001 (gRPC), and needs no \
            server: state is kept in SQLite files under the data folder. The flags are those of `dapr run` and \
            `daprd`, with one dash or two; flags of theirs that mean nothing here are accepted and named in one \
            line of the log. With a command after `--` the runtime starts it once it is ready, stops when it \
            ends, and returns its exit code.

            EXAMPLES
              octavo run
              octavo run --app-id shop --app-port 8080 -- python3 app.py
              octavo run --resources-path ./resources --config ./config.yaml
              octavo run --dapr-http-port 0 --dapr-grpc-port 0 --metrics-port 0
              octavo run --plugins-dir ./plugins --watch
              octavo run --tls-cert server.pem --tls-key server.key
            """)

    @OptionGroup(title: "The app") var app: AppFlags
    @OptionGroup(title: "Resources") var resources: ResourceFlags
    @OptionGroup(title: "Listeners") var listeners: ListenerFlags
    @OptionGroup(title: "Logs and metrics") var telemetry: TelemetryFlags
    @OptionGroup(title: "Shutdown") var shutdown: ShutdownFlags
    @OptionGroup(title: "The process") var process: ProcessFlags

    @Option(name: .customLong(DaprFlagSyntax.ignoredFlagCarrier), help: .hidden)
    var ignoredFlags: [String] = []

    @Argument(parsing: .postTerminator, help: "The command that starts the app, after `--`.")
    var appCommand: [String] = []

    func validate() throws {
        _ = try options(environment: Environment.variable)
    }

    func run() async throws {
        let code = await RuntimeMain.run(try options(environment: Environment.variable))
        if code != 0 { throw ExitCode(code) }
    }

    /// What the flags ask for. Throws `ValidationError` for flags that contradict each other.
    func options(environment: (String) -> String?) throws -> RuntimeOptions {
        let appID = try AppID.checked(app.appID ?? AppID.standard)
        var options = RuntimeOptions(
            appID: appID,
            dataFolder: process.dataDir ?? DefaultFolders.data(appID: appID, environment: environment),
            adminSocket: process.adminSocket ?? DefaultFolders.adminSocket(appID: appID))
        options.appCommand = appCommand
        options.ignoredFlags = ignoredFlags
        try app.apply(to: &options)
        resources.apply(to: &options)
        try listeners.apply(to: &options)
        telemetry.apply(to: &options)
        shutdown.apply(to: &options)
        try process.apply(to: &options)
        return options
    }
}
