/// The list of vendors' members in `tracestate` (W3C Trace Context §3.3).
package enum TraceState {
    private static let mostMembers = 32
    /// What everybody must be able to pass on; longer lists are not.
    private static let mostBytes = 512

    /// The list without blanks and empty members; empty when anything is wrong with it, since half a list says other things
    /// than the whole.
    package static func checked(_ text: some StringProtocol) -> String {
        var seen: Set<String> = []
        var kept: [Substring] = []
        for member in Substring(text).split(separator: ",") {
            let member = trimmed(member)
            if member.isEmpty { continue }
            guard let equals = member.firstIndex(of: "="), isKey(member[..<equals].utf8), isValue(member[member.index(after: equals)...].utf8),
                seen.insert(String(member[..<equals])).inserted
            else { return "" }
            kept.append(member)
        }
        guard kept.count <= mostMembers else { return "" }
        let joined = kept.joined(separator: ",")
        return joined.utf8.count <= mostBytes ? joined : ""
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var text = text.drop { $0 == " " || $0 == "\t" }
        while let last = text.last, last == " " || last == "\t" { text.removeLast() }
        return text
    }

    /// `vendor`, or `tenant@vendor`.
    private static func isKey(_ key: Substring.UTF8View) -> Bool {
        let parts = key.split(separator: UInt8(ascii: "@"), omittingEmptySubsequences: false)
        func isName(_ part: Substring.UTF8View, longest: Int, digitFirst: Bool) -> Bool {
            guard let first = part.first, part.count <= longest, isLetter(first) || (digitFirst && isDigit(first)) else { return false }
            return part.allSatisfy { isLetter($0) || isDigit($0) || [0x5f, 0x2d, 0x2a, 0x2f].contains($0) }
        }
        return switch parts.count {
        case 1: isName(parts[0], longest: 256, digitFirst: false)
        case 2: isName(parts[0], longest: 241, digitFirst: true) && isName(parts[1], longest: 14, digitFirst: false)
        default: false
        }
    }

    private static func isValue(_ value: Substring.UTF8View) -> Bool {
        // Printable, no comma, no equals sign.
        value.count <= 256 && !value.isEmpty && value.allSatisfy { (0x20...0x7e).contains($0) && $0 != 0x2c && $0 != 0x3d }
    }

    private static func isLetter(_ byte: UInt8) -> Bool { (0x61...0x7a).contains(byte) }
    private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
}
