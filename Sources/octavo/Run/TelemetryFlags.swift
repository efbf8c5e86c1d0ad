import Arguments
import Runtime

/// Flags of `octavo run` about logs and metrics.
struct TelemetryFlags: ParsableArguments {
    @Option(help: ArgumentHelp("Least level to log.", valueName: "level"))
    var logLevel = LogOptions.Level.info
    @Option(help: ArgumentHelp("One JSON object a line.", valueName: "bool"))
    var logAsJson = false
    @Option(help: ArgumentHelp("One log line a request. (default: as the configuration says)", valueName: "bool"))
    var enableApiLogging: Bool?
    @Option(help: ArgumentHelp("Serve metrics.", valueName: "bool"))
    var enableMetrics = true
    @Option(
        name: [.long, .customShort("M")],
        help: ArgumentHelp("Port of the metrics; 0 asks the kernel. (default: 9090)", valueName: "port"))
    var metricsPort: Port?
    @Option(help: ArgumentHelp("Address of the metrics.", valueName: "address"))
    var metricsListenAddress = "0.0.0.0"

    func apply(to options: inout RuntimeOptions) {
        options.log.level = logLevel
        options.log.json = logAsJson
        options.api.logRequests = enableApiLogging
        options.metrics.enabled = enableMetrics
        if let port = metricsPort?.number { options.metrics.port = port }
        options.metrics.listenAddress = metricsListenAddress
    }
}

extension LogOptions.Level: ExpressibleByArgument {
    /// Dapr's `warn`, `fatal` and `panic` too.
    package init?(argument: String) {
        switch argument.lowercased() {
        case "warn": self = .warning
        case "fatal", "panic": self = .critical
        case let word: self.init(rawValue: word)
        }
    }
}
