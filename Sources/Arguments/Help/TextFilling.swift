/// Fills lines of text up to a column.
enum TextFilling {
    /// `text` in lines of at most `width` columns, of which the first `indent` are blank. Lines that begin with a blank
    /// are left as they are: they are tables and examples. A word that is too long has a line of its own.
    static func filled(_ text: String, width: Int, indent: Int = 0) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            if line.isEmpty { return "" }
            if line.first == " " { return blanks(indent) + line }
            return fill(line, width - indent).map { blanks(indent) + $0 }.joined(separator: "\n")
        }.joined(separator: "\n")
    }

    static func blanks(_ count: Int) -> String { String(repeating: " ", count: max(count, 0)) }

    private static func fill(_ line: Substring, _ width: Int) -> [String] {
        var lines: [String] = []
        var current = ""
        for word in line.split(separator: " ") {
            if !current.isEmpty, current.count + 1 + word.count > width {
                lines.append(current)
                current = ""
            }
            current += current.isEmpty ? String(word) : " " + word
        }
        return lines + [current]
    }
}
