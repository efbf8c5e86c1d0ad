import Logging
import Telemetry

/// Once a process.
func bootstrapLogging(_ options: RuntimeOptions) {
    LineLogHandler.bootstrap(
        LogConfiguration(
            format: options.log.json ? .json : .text(colour: LogConfiguration.wantsColour()),
            level: Logger.Level(rawValue: options.log.level.rawValue) ?? .info, appID: options.appID,
            ring: .shared))
}
