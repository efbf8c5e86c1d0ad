import Console
import PluginCheck

/// The report of a check for a person.
enum CheckView {
    static func text(_ report: CheckReport, on terminal: Terminal) -> String {
        var table = Table([.init("CHECK", canShrink: true), .init("TYPE"), .init("MODE"), .init("RESULT")])
        for result in report.checks {
            let style: Style = result.outcome == .failed ? .bad : result.outcome == .skipped ? .faint : .good
            table.add(
                .init(result.check), .init(result.type), .init(result.mode),
                .init(result.outcome == .failed ? "FAILED" : result.outcome.rawValue, style))
        }
        var text = table.rendered(width: terminal.width, colour: terminal.colour)
        let skipped = report.checks.filter { $0.outcome == .skipped }
        if !skipped.isEmpty {
            text += "\nSkipped\n"
            for result in skipped { text += "  \(place(result))\(result.check.printable): \(result.detail?.printable ?? "")\n" }
        }
        let failed = report.checks.filter { $0.outcome == .failed }
        if !failed.isEmpty {
            text += "\nFindings\n"
            for result in failed {
                text += "  \(place(result))\(result.detail?.printable ?? "")\n"
                if let section = result.section { text += "    See \(section.printable)\n" }
            }
        }
        text += "\n\(report.plugin.printable) \(report.version?.printable ?? ""): \(report.passed) ok, \(report.failed) failed, "
        return text + "\(report.skipped) skipped\n"
    }

    private static func place(_ result: CheckResult) -> String {
        let words = [result.type, result.mode].compactMap { $0 }
        return words.isEmpty ? "" : words.joined(separator: ", ").printable + ": "
    }
}
