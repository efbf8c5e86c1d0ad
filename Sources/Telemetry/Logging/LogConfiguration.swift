package import Logging
import Glibc

/// What all loggers of a process have in common.
package struct LogConfiguration: Sendable {
    package var format: LogFormat
    package var level: Logger.Level
    /// The app's id, in every JSON line.
    package var appID: String
    /// Host or pod, in every JSON line.
    package var instance: String
    package var version: String
    package var redaction: LogRedaction
    package var sink: LogSink
    /// Keeps the last lines; nil: nobody does.
    package var ring: LogRing?

    package init(
        format: LogFormat, level: Logger.Level, appID: String, instance: String = LogConfiguration.hostName(),
        version: String = Version.current, redaction: LogRedaction = .shared, sink: LogSink = .standardError,
        ring: LogRing? = nil
    ) {
        self.format = format
        self.level = level
        self.appID = appID
        self.instance = instance
        self.version = version
        self.redaction = redaction
        self.sink = sink
        self.ring = ring
    }

    /// Whether lines to a descriptor should be coloured: on a terminal, unless `NO_COLOR` is set
    /// (no-color.org) or the terminal is dumb.
    package static func wantsColour(descriptor: Int32 = STDERR_FILENO) -> Bool {
        guard isatty(descriptor) == 1, getenv("NO_COLOR") == nil else { return false }
        return getenv("TERM").map { String(cString: $0) } != "dumb"
    }

    /// The name of the machine; empty when it has none.
    package static func hostName() -> String {
        var name = [CChar](repeating: 0, count: 256)
        guard gethostname(&name, name.count - 1) == 0 else { return "" }
        return name.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
    }
}
