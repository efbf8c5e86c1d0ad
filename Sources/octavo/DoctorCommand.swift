import AdminAPI
import Arguments
import Console
import Glibc
import Runtime

/// `octavo doctor`
struct DoctorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Look for what keeps the runtime from working well, and say what to do.",
        discussion: """
            Asks the runtime. Where none is running it says what would keep `octavo run` with the same flags from \
            working: folders, ports, certificates, plugins, resources and secrets. Exits with 1 when something does \
            not work; warnings and notes alone exit with 0.

            EXAMPLES
              octavo doctor
              octavo doctor --offline --resources-path ./resources
              octavo doctor --json | jq -r '.findings[].remedy'
            """)

    @OptionGroup var admin: AdminFlags
    @Flag(help: "Look at what `octavo run` would find, even if a runtime is running.")
    var offline = false
    @OptionGroup(title: "As of `octavo run`") var resources: ResourceFlags
    @OptionGroup(title: "Its listeners") var listeners: ListenerFlags
    @Option(help: ArgumentHelp("Where stores and staged plugins are kept.", valueName: "folder"))
    var dataDir: String?
    @Option(help: ArgumentHelp("Port of the metrics; 0 asks the kernel. (default: 9090)", valueName: "port"))
    var metricsPort: Port?

    func run() throws {
        let report = try report()
        admin.output.write(report) { DoctorView.text(report, on: $0) }
        if report.findings.contains(where: { $0.severity == .error }) { throw ExitCode(Outcome.Code.failed) }
    }

    private func report() throws -> DoctorReport {
        if offline { return DoctorReport(findings: StartCheck.findings(try options())) }
        do {
            return try admin.client().doctor()
        } catch AdminClientError.unreachable(let message) {
            // Someone who named a runtime wants that one.
            if admin.appID != nil || admin.adminSocket != nil { throw AdminClientError.unreachable(message) }
            Terminal.write("octavo: \(message.printable) This is what one would find:\n", to: STDERR_FILENO)
            return DoctorReport(findings: StartCheck.findings(try options()))
        }
    }

    /// What `octavo run` would make of the flags.
    private func options() throws -> RuntimeOptions {
        let appID = admin.appID ?? AppID.standard
        var options = RuntimeOptions(
            appID: appID, dataFolder: dataDir ?? DefaultFolders.data(appID: appID, environment: Environment.variable),
            adminSocket: admin.adminSocket ?? DefaultFolders.adminSocket(appID: appID))
        resources.apply(to: &options)
        try listeners.apply(to: &options)
        if let port = metricsPort?.number { options.metrics.port = port }
        return options
    }
}

/// A doctor's report for eyes.
enum DoctorView {
    static func text(_ report: DoctorReport, on terminal: Terminal) -> String {
        if report.findings.isEmpty { return "Nothing wrong was found.\n" }
        var text = ""
        for finding in report.findings {
            let style: Style = finding.severity == .error ? .bad : finding.severity == .warning ? .warning : .faint
            text += style.applied(to: finding.severity.rawValue.printable, colour: terminal.colour)
            text += "  " + Style.header.applied(to: finding.subject.printable, colour: terminal.colour) + "\n"
            text += "  \(finding.cause.printable)\n  → \(finding.remedy.printable)\n\n"
        }
        return text + HumanFormat.count(report.findings.count, "finding") + ".\n"
    }
}
