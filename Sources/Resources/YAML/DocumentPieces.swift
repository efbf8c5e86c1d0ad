/// Cuts a text before each `---` line and behind each `...` line, so that every document can be read by itself.
struct DocumentPieces: Sequence, IteratorProtocol {
    struct Piece {
        let bytes: UnsafeBufferPointer<UInt8>
        /// Number of the piece's first line in the whole text.
        let firstLine: Int
    }

    private let bytes: UnsafeBufferPointer<UInt8>
    private var start = 0
    private var line = 1

    init(_ bytes: UnsafeBufferPointer<UInt8>) {
        self.bytes = bytes
        if bytes.starts(with: [0xef, 0xbb, 0xbf]) { start = 3 }
    }

    mutating func next() -> Piece? {
        guard start < bytes.count else { return nil }
        let first = start
        let firstLine = line
        // Directives (%YAML) and comments before the marker belong to the document behind it.
        var hasContent = false
        while start < bytes.count {
            let end = lineEnd(start)
            if isMarker(start, end, 0x2d) {
                if hasContent { break }
                hasContent = true
            } else if isMarker(start, end, 0x2e) {
                // libyaml wants '---' behind it, YAML does not.
                start = end
                line += 1
                if hasContent { break }
                continue
            } else if !isPreamble(start, end) {
                hasContent = true
            }
            start = end
            line += 1
        }
        return Piece(bytes: UnsafeBufferPointer(rebasing: bytes[first..<start]), firstLine: firstLine)
    }

    /// Just behind the line feed of the line.
    private func lineEnd(_ from: Int) -> Int {
        var end = from
        while end < bytes.count, bytes[end] != 0x0a { end += 1 }
        return Swift.min(end + 1, bytes.count)
    }

    /// A line of `---` or `...`, with or without more behind a space.
    private func isMarker(_ from: Int, _ end: Int, _ byte: UInt8) -> Bool {
        guard end - from >= 3, bytes[from] == byte, bytes[from + 1] == byte, bytes[from + 2] == byte else {
            return false
        }
        return end - from == 3 || [0x20, 0x09, 0x0a, 0x0d].contains(bytes[from + 3])
    }

    /// A blank line, a comment or a directive.
    private func isPreamble(_ from: Int, _ end: Int) -> Bool {
        for byte in bytes[from..<end] {
            switch byte {
            case 0x20, 0x09, 0x0a, 0x0d: continue
            case 0x23, 0x25: return true
            default: return false
            }
        }
        return true
    }
}
