/// The colour or weight of a piece of text on a terminal.
package enum Style: Sendable {
    case plain, header, good, warning, bad, faint

    /// `text` in this style.
    package func applied(to text: String, colour: Bool) -> String {
        guard colour, self != .plain, !text.isEmpty else { return text }
        return "\u{1B}[\(code)m\(text)\u{1B}[0m"
    }

    /// Parameters of the SGR sequence (ECMA-48 §8.3.117).
    private var code: String {
        switch self {
        case .plain: "0"
        case .header: "1"
        case .good: "32"
        case .warning: "33"
        case .bad: "31"
        case .faint: "2"
        }
    }
}
