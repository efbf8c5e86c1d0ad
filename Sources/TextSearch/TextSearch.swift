/// Search in text by bytes. The standard library's own functions of these names are in the module of regular
/// expressions, which with its parser links 1.5 MB; it is therefore not imported in the runtime.
extension String {
    /// The first place of `text`, compared by UTF-8 bytes: no case folding, no canonical equivalence. An empty text is
    /// found at the start. Time: the product of both lengths at worst.
    package func range(ofText text: String) -> Range<Index>? {
        range(ofText: text, from: startIndex)
    }

    /// Whether `text` occurs, compared by UTF-8 bytes.
    package func contains(text: String) -> Bool { range(ofText: text) != nil }

    /// The string with every occurrence of `text` replaced, from left to right. An empty text occurs nowhere.
    package func replacing(text: String, with replacement: String) -> String {
        if text.isEmpty { return self }
        var result = ""
        var rest = startIndex
        while let found = range(ofText: text, from: rest) {
            result += self[rest..<found.lowerBound]
            result += replacement
            rest = found.upperBound
        }
        return result + self[rest...]
    }

    private func range(ofText text: String, from start: Index) -> Range<Index>? {
        let wanted = text.utf8
        var lower = start
        while true {
            let rest = utf8[lower...]
            if rest.starts(with: wanted) { return lower..<utf8.index(lower, offsetBy: wanted.count) }
            if rest.isEmpty { return nil }
            lower = utf8.index(after: lower)
        }
    }
}
