import AdminAPI
import Arguments
import Console

/// `octavo doctor`
struct DoctorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Look for what keeps the runtime from working well, and say what to do.",
        discussion: """
            Exits with 1 when something does not work; warnings and notes alone exit with 0.

            EXAMPLES
              octavo doctor
              octavo doctor --json | jq -r '.findings[].remedy'
            """)

    @OptionGroup var admin: AdminFlags

    func run() throws {
        let report = try admin.client().doctor()
        admin.output.write(report) { DoctorView.text(report, on: $0) }
        if report.findings.contains(where: { $0.severity == .error }) { throw ExitCode(Outcome.Code.failed) }
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
