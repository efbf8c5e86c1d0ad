import Logging

/// One log line for eyes: `2026-11-23T14:30:08.123Z INFO  component ready      component=orders`.
struct TextLine {
    let colour: Bool
    /// Facts start in one column as long as messages are not longer than that.
    private static let messageWidth = 44

    func render(
        time: LogTime, level: Logger.Level, scope: String, message: String, facts: [(key: String, value: String)]
    ) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(256)
        dim(&out) { time.append(to: &$0, digits: 3) }
        out.append(0x20)
        let (name, code) = TextLine.levelName(level)
        if colour { out += Array("\u{1b}[\(code)m".utf8) }
        out += Array(name.utf8)
        if colour { out += Array("\u{1b}[0m".utf8) }
        for _ in name.utf8.count..<6 { out.append(0x20) }
        let start = out.count
        TextLine.append(message, to: &out)
        if !facts.isEmpty {
            for _ in (out.count - start)..<max(out.count - start, TextLine.messageWidth) { out.append(0x20) }
        }
        for (key, value) in facts {
            out.append(0x20)
            dim(&out) {
                TextLine.append(key, to: &$0)
                $0.append(UInt8(ascii: "="))
            }
            TextLine.appendValue(value, to: &out)
        }
        out.append(0x0a)
        return out
    }

    private func dim(_ out: inout [UInt8], _ body: (inout [UInt8]) -> Void) {
        if colour { out += Array("\u{1b}[2m".utf8) }
        body(&out)
        if colour { out += Array("\u{1b}[0m".utf8) }
    }

    private static func levelName(_ level: Logger.Level) -> (name: String, colour: String) {
        switch level {
        case .trace: ("TRACE", "2")
        case .debug: ("DEBUG", "2")
        case .info, .notice: ("INFO", "32")
        case .warning: ("WARN", "33")
        case .error: ("ERROR", "31")
        case .critical: ("FATAL", "1;31")
        }
    }

    /// Text from outside must neither break the line nor command the terminal.
    private static func append(_ text: String, to out: inout [UInt8]) {
        for scalar in text.unicodeScalars {
            switch scalar.value {
            case 0x0a: out += Array("\\n".utf8)
            case 0x0d: out += Array("\\r".utf8)
            case 0x09: out += Array("\\t".utf8)
            case 0..<0x20, 0x7f..<0xa0:
                let digits = String(scalar.value, radix: 16)
                out += Array("\\x\(digits.utf8.count < 2 ? "0" : "")\(digits)".utf8)
            default: out.append(contentsOf: UTF8.encode(scalar).unsafelyUnwrapped)
            }
        }
    }

    private static func appendValue(_ value: String, to out: inout [UInt8]) {
        let isPlain =
            !value.isEmpty && !value.utf8.contains { $0 <= 0x20 || $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "=") }
        guard !isPlain else { return append(value, to: &out) }
        out.append(UInt8(ascii: "\""))
        append(value.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\\\""), to: &out)
        out.append(UInt8(ascii: "\""))
    }
}
