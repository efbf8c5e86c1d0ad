extension Duration {
    /// As Go writes it: `500ms`, `5s`, `1m30s`, `1h0m0s`. Whole milliseconds alone. Source: Go's `time.Duration.String`.
    var goText: String {
        let milliseconds = Int(self / .milliseconds(1))
        if milliseconds == 0 { return "0s" }
        if abs(milliseconds) < 1000 { return "\(milliseconds)ms" }
        let seconds = milliseconds / 1000
        var fraction = String(milliseconds % 1000 + 1000).dropFirst()
        while fraction.last == "0" { fraction.removeLast() }
        let text = "\(seconds % 60)" + (fraction.isEmpty ? "" : ".\(fraction)") + "s"
        if seconds < 60 { return text }
        return seconds < 3600 ? "\(seconds / 60)m" + text : "\(seconds / 3600)h\(seconds / 60 % 60)m" + text
    }
}
