/// One check and what came of it.
package struct CheckResult: Equatable, Sendable, Encodable {
    package enum Outcome: String, Sendable, Encodable {
        case ok
        case failed
        case skipped
    }

    /// The part's title.
    package var part: String
    /// `nil` for what is looked at without running the plugin, and for comparisons.
    package var mode: String?
    /// The component type, if the check is about one.
    package var type: String?
    /// What must hold.
    package var check: String
    package var outcome: Outcome
    /// What was done and what came, or why it was skipped.
    package var detail: String?
    /// The part of the ABI that asks for something else.
    package var section: String?
}

/// All results of a plugin, as `--json` writes them.
package struct CheckReport: Sendable, Encodable {
    package var plugin: String
    package var version: String?
    package var file: String
    package var passed: Int
    package var failed: Int
    package var skipped: Int
    package var checks: [CheckResult]

    package init(plugin: String, version: String?, file: String, checks: [CheckResult]) {
        (self.plugin, self.version, self.file, self.checks) = (plugin, version, file, checks)
        func count(_ outcome: CheckResult.Outcome) -> Int { checks.reduce(0) { $0 + ($1.outcome == outcome ? 1 : 0) } }
        (passed, failed, skipped) = (count(.ok), count(.failed), count(.skipped))
    }
}
