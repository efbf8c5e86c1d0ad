/// A line of the runtime's log; secrets are masked as in the log itself.
package struct LogLine: Sendable, Equatable, Codable {
    package struct Fact: Sendable, Equatable, Codable {
        package var name: String
        package var value: String

        package init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    /// Counts the lines of a runtime from 1.
    package var number: Int64
    /// RFC 3339, UTC.
    package var time: String
    /// `trace`, `debug`, `info`, `notice`, `warning`, `error`, `critical`.
    package var level: String
    /// Which part of the runtime says it.
    package var scope: String
    package var message: String
    package var facts: [Fact]

    package init(number: Int64, time: String, level: String, scope: String, message: String, facts: [Fact]) {
        self.number = number
        self.time = time
        self.level = level
        self.scope = scope
        self.message = message
        self.facts = facts
    }
}

/// `GET /v1/logs`, the oldest first.
package struct LogList: Sendable, Equatable, Codable {
    package var lines: [LogLine]
    /// The number of the last line there is; ask for what comes after it.
    package var last: Int64

    package init(lines: [LogLine], last: Int64) {
        self.lines = lines
        self.last = last
    }
}
