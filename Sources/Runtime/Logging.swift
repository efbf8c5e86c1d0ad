import Logging

/// Once a process.
func bootstrapLogging(_ options: RuntimeOptions) {
    let level = Logger.Level(rawValue: options.log.level.rawValue) ?? .info
    LoggingSystem.bootstrap { label in
        var handler = StreamLogHandler.standardError(label: label)
        handler.logLevel = level
        return handler
    }
}
