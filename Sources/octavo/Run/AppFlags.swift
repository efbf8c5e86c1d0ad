import Arguments
import Runtime

/// Flags of `octavo run` about the app beside the runtime.
struct AppFlags: ParsableArguments {
    @Option(
        name: [.customLong("app-id"), .customShort("a")],
        help: ArgumentHelp("The app's name for others, and the prefix of its state keys. (default: \(AppID.standard))"))
    var appID: String?
    @Option(name: [.long, .customShort("p")], help: ArgumentHelp("Port the app listens on.", valueName: "port"))
    var appPort: Port?
    @Option(name: [.long, .customShort("P")], help: ArgumentHelp("What the app speaks.", valueName: "protocol"))
    var appProtocol = AppOptions.AppProtocol.http
    @Option(help: ArgumentHelp("Host the app listens on, or unix:PATH, which needs no port.", valueName: "host"))
    var appChannelAddress = "127.0.0.1"
    @Option(
        help: ArgumentHelp(
            "Authorities that the certificate of an https or grpcs app must be of, PEM; without it any certificate is taken.",
            valueName: "file"))
    var appCa: String?
    @Option(help: ArgumentHelp("How many requests the app gets at a time; -1 is no limit.", valueName: "count"))
    var appMaxConcurrency = -1
    @Option(
        help: ArgumentHelp("What the app is not asked for: config, subscribe, or both with a comma.", valueName: "endpoints"))
    var disableInitEndpoints: String?
    @Option(help: ArgumentHelp("Time to ask the app for its input bindings; 3s.", valueName: "duration"))
    var appBindingOptionsTimeout: TimeSpan?
    @Option(help: ArgumentHelp("Probe the app and stop sending to it while it is unhealthy.", valueName: "bool"))
    var enableAppHealthCheck = false
    @Option(help: ArgumentHelp("Path of the probe for HTTP apps.", valueName: "path"))
    var appHealthCheckPath = "/healthz"
    @Option(help: ArgumentHelp("Seconds between probes.", valueName: "seconds"))
    var appHealthProbeInterval = 5
    @Option(help: ArgumentHelp("Milliseconds a probe may take.", valueName: "ms"))
    var appHealthProbeTimeout = 500
    @Option(help: ArgumentHelp("Failures in a row that make the app unhealthy.", valueName: "count"))
    var appHealthThreshold = 3

    func apply(to options: inout RuntimeOptions) throws {
        if appPort?.number == 0 {
            throw ValidationError("--app-port is 0, but the runtime has to know the app's port. Give its number.")
        }
        guard appMaxConcurrency == -1 || appMaxConcurrency > 0 else {
            throw ValidationError(
                "--app-max-concurrency is \(appMaxConcurrency); give a positive number, or -1 for no limit.")
        }
        if appChannelAddress.hasPrefix("unix:"), appChannelAddress.utf8.count == 5 {
            throw ValidationError("--app-channel-address is 'unix:' without a path. Give the path of the app's socket.")
        }
        guard appCa == nil || appProtocol == .https || appProtocol == .grpcs else {
            throw ValidationError("--app-ca is for apps that speak TLS; give --app-protocol https or grpcs with it.")
        }
        for name in disableInitEndpoints?.split(separator: ",") ?? [] {
            switch name {
            case "config": options.app.asksConfiguration = false
            case "subscribe": options.app.asksSubscriptions = false
            default: throw ValidationError("--disable-init-endpoints knows config and subscribe, not '\(name)'.")
            }
        }
        if let timeout = appBindingOptionsTimeout?.duration {
            guard timeout > .zero else { throw ValidationError("--app-binding-options-timeout must be longer than zero.") }
            options.app.bindingTimeout = timeout
        }
        options.app.port = appPort?.number
        options.app.protocol = appProtocol
        options.app.authorities = appCa
        options.app.channelAddress = appChannelAddress
        options.app.maxConcurrency = appMaxConcurrency == -1 ? nil : appMaxConcurrency
        guard enableAppHealthCheck else { return }
        try checkProbe()
        var health = AppHealthOptions()
        health.path = appHealthCheckPath.hasPrefix("/") ? appHealthCheckPath : "/" + appHealthCheckPath
        health.interval = .seconds(appHealthProbeInterval)
        health.timeout = .milliseconds(appHealthProbeTimeout)
        health.threshold = appHealthThreshold
        options.appHealth = health
    }

    private func checkProbe() throws {
        let numbers = [
            ("--app-health-probe-interval", appHealthProbeInterval),
            ("--app-health-probe-timeout", appHealthProbeTimeout), ("--app-health-threshold", appHealthThreshold),
        ]
        for (name, number) in numbers where number < 1 {
            throw ValidationError("\(name) is \(number); give a positive number.")
        }
        // As in Dapr: a probe has ended before the next one begins.
        if appHealthProbeTimeout >= appHealthProbeInterval * 1_000 {
            throw ValidationError(
                "--app-health-probe-timeout (\(appHealthProbeTimeout) ms) must be shorter than "
                    + "--app-health-probe-interval (\(appHealthProbeInterval) s).")
        }
    }
}

extension AppOptions.AppProtocol: ExpressibleByArgument {}
