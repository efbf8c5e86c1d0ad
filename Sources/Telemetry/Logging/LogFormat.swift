/// How log lines look.
package enum LogFormat: Sendable, Equatable {
    /// For eyes: time, level, message, facts, in columns.
    case text(colour: Bool)
    /// One JSON object a line, with Dapr's keys.
    case json
}
