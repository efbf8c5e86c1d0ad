import Components
import Logging
import Telemetry

extension Runtime {
    /// Reports what runtimes of before have died of, and begins to record for the next one.
    static func record(_ options: RuntimeOptions, _ reports: CrashReports, isolates: Bool, logger: Logger) {
        var crashed = CrashedPlugins(dataFolder: options.dataFolder)
        for (path, record) in FlightRecorder.takeOver(dataFolder: options.dataFolder) {
            switch record {
            case .success(let record): report(record, reports, &crashed, isolates: isolates, logger: logger)
            case .failure(let fault):
                logger.warning(
                    "what the flight recorder of a dead runtime has left can't be used and is removed",
                    metadata: ["file": "\(path)", "cause": "\(fault)"])
            }
        }
        if let cause = FlightRecorder.open(dataFolder: options.dataFolder, version: Version.current) {
            logger.warning(
                "there is no flight recorder: when a plugin crashes this runtime, the next start will not know which one",
                metadata: ["folder": "\(options.dataFolder)", "cause": "\(cause)"])
        }
        StallWatch.shared.start(logger: Logger(label: "octavo.components"))
    }

    private static func report(
        _ record: FlightRecord, _ reports: CrashReports, _ crashed: inout CrashedPlugins, isolates: Bool, logger: Logger
    ) {
        guard let crash = record.crash else {
            logger.warning(
                "the runtime before this one was ended by force; nothing is known of the reason (SIGKILL, out of memory, power)",
                metadata: ["pid": "\(record.processID)"])
            return
        }
        reports.add(crash)
        var facts: Logger.Metadata = ["cause": "\(crash.cause)", "pid": "\(crash.processID)", "report": "\(crash.reportID)"]
        if !crash.component.isEmpty { facts["component"] = "\(crash.component)" }
        if !crash.operation.isEmpty { facts["operation"] = "\(crash.operation)" }
        guard let culprit = record.culprit else {
            logger.error("the runtime before this one crashed; no plugin is to blame", metadata: facts)
            return
        }
        facts["plugin"] = "\(culprit.plugin)"
        guard isolates else {
            logger.error(
                "a plugin has crashed the runtime before this one; it is not isolated, because --on-crash or the configuration says off",
                metadata: facts)
            return
        }
        if let notKept = crashed.note(culprit, at: crash.time) { facts["not-kept"] = "\(notKept)" }
        logger.error(
            "a plugin has crashed the runtime before this one; it runs isolated until `octavo plugin isolate` says otherwise",
            metadata: facts)
    }
}
