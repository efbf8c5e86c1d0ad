/// Something that keeps a runtime from working well: `GET /v1/doctor`.
package struct DoctorFinding: Sendable, Equatable, Codable {
    /// How bad it is. A later runtime may know more words.
    package struct Severity: RawRepresentable, Sendable, Hashable, Codable {
        package let rawValue: String
        package init(rawValue: String) { self.rawValue = rawValue }

        /// Something does not work.
        package static let error = Severity(rawValue: "error")
        /// Something will not work, or not well.
        package static let warning = Severity(rawValue: "warning")
        package static let note = Severity(rawValue: "note")
    }

    package var severity: Severity
    /// What it is about: `component statestore`, `plugin redis`, `app`.
    package var subject: String
    /// What is wrong, one sentence.
    package var cause: String
    /// What to do, one sentence.
    package var remedy: String

    package init(severity: Severity, subject: String, cause: String, remedy: String) {
        self.severity = severity
        self.subject = subject
        self.cause = cause
        self.remedy = remedy
    }
}
