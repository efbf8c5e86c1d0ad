/// How a process of an isolated plugin died, or the runtime of one in its own: `GET /v1/crashes`. Never a key, a value or a setting.
package struct CrashReport: Sendable, Equatable, Codable {
    /// Names the report, and its file in the data folder.
    package var id: String
    package var plugin: String
    package var version: String
    package var generation: Int
    package var processID: Int
    /// Seconds since 1970.
    package var time: Double
    /// One sentence.
    package var cause: String
    /// The process was the runtime itself, of before this one; then `plugin` is who is to blame, `octavo` when no plugin
    /// is. nil: the plugin's own process.
    package var inProcess: Bool?
    /// Number of the signal that ended it; nil when there was none.
    package var signal: Int?
    /// nil when a signal ended it.
    package var exitCode: Int?
    /// Address of the fault in hexadecimal digits.
    package var address: String?
    /// Name of the thread that died.
    package var thread: String?
    /// `object+0xoffset function+0xoffset`, innermost first.
    package var backtrace: [String]
    package var uptimeSeconds: Double
    /// Of the call that it died of, as far as that is known. Never a key or a value.
    package var component: String?
    package var operation: String?
    package var requestBytes: Int?
    /// Of the process's own, when it was last looked at.
    package var memoryBytes: Int64?
    package var openDescriptors: Int?
    package var cpuSeconds: Double?
    /// And what kept each: "descriptors 1024 (watched, RLIMIT_NOFILE)".
    package var limits: [String]?
    /// Its last lines, level and text, the oldest first.
    package var log: [String]?

    package init(
        id: String, plugin: String, version: String, generation: Int, processID: Int, time: Double, cause: String,
        signal: Int? = nil, exitCode: Int? = nil, address: String? = nil, thread: String? = nil,
        backtrace: [String] = [], uptimeSeconds: Double
    ) {
        self.id = id
        self.plugin = plugin
        self.version = version
        self.generation = generation
        self.processID = processID
        self.time = time
        self.cause = cause
        self.signal = signal
        self.exitCode = exitCode
        self.address = address
        self.thread = thread
        self.backtrace = backtrace
        self.uptimeSeconds = uptimeSeconds
    }
}

/// `GET /v1/crashes`.
package struct CrashList: Sendable, Equatable, Codable {
    /// The newest first.
    package var crashes: [CrashReport]
    package init(crashes: [CrashReport]) { self.crashes = crashes }
}
