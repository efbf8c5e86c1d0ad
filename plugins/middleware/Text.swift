import PluginKit

extension StaticString {
    /// The characters.
    var array: [UInt8] { Str(self).array }
}

extension FilterReply {
    /// Answers with a line of text.
    func answer(_ status: Int32, text: StaticString, _ headers: [(name: [UInt8], value: [UInt8])] = []) {
        answer(
            status, [(Str("content-type").array, Str("text/plain; charset=utf-8").array)] + headers, body: Str(text).array)
    }
}

/// The parts of a list that are separated by commas, or blanks, or both; none is empty.
func words(_ text: [UInt8], blanks: Bool = false) -> [[UInt8]] {
    var found: [[UInt8]] = []
    for part in text.split(whereSeparator: { $0 == 0x2C || (blanks && $0 == 0x20) }) {
        var part = part
        while part.first == 0x20 || part.first == 0x09 { part = part.dropFirst() }
        while part.last == 0x20 || part.last == 0x09 { part = part.dropLast() }
        if !part.isEmpty { found.append([UInt8](part)) }
    }
    return found
}

/// In small letters, of ASCII.
func lowercased(_ text: [UInt8]) -> [UInt8] { text.map { $0 &- 65 < 26 ? $0 | 0x20 : $0 } }
