/// Targets of requests in the one form that filters and the API both go by, so that what a filter says of a path is true of the one
/// that is served (RFC 3986 §6.2.2): no `.`, `..` and empty segments, no escapes that are none.
enum PlainTarget {
    static func of(_ target: String) -> String {
        if isPlain(target) { return target }
        let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        var segments: [[UInt8]] = []
        let path = unescaped(parts.first.map { Array($0.utf8) } ?? [])
        for segment in path.split(separator: UInt8(ascii: "/")) {
            if segment.elementsEqual(".".utf8) { continue }
            if segment.elementsEqual("..".utf8) {
                _ = segments.popLast()
            } else {
                segments.append(Array(segment))
            }
        }
        var plain: [UInt8] = []
        for segment in segments { plain += [UInt8(ascii: "/")] + segment }
        if segments.isEmpty || path.last == UInt8(ascii: "/") { plain.append(UInt8(ascii: "/")) }
        if parts.count == 2 { plain += [UInt8(ascii: "?")] + Array(parts[1].utf8) }
        return String(decoding: plain, as: UTF8.self)
    }

    private static func isPlain(_ target: String) -> Bool {
        var isAfterSlash = false
        for byte in target.utf8 {
            switch byte {
            case UInt8(ascii: "?"): return true
            case UInt8(ascii: "%"): return false
            case UInt8(ascii: "/"):
                if isAfterSlash { return false }
                isAfterSlash = true
            case UInt8(ascii: "."):
                if isAfterSlash { return false }
            default: isAfterSlash = false
            }
        }
        return target.utf8.first == UInt8(ascii: "/")
    }

    /// Without escapes of letters, digits and `-._~`; others in capitals.
    private static func unescaped(_ path: [UInt8]) -> [UInt8] {
        let digits = Array("0123456789ABCDEF".utf8)
        var out: [UInt8] = [], at = 0
        while at < path.count {
            guard path[at] == UInt8(ascii: "%"), at + 2 < path.count, let high = digit(path[at + 1]), let low = digit(path[at + 2]) else {
                out.append(path[at])
                at += 1
                continue
            }
            let byte = high << 4 | low
            switch byte {
            case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x2d, 0x2e, 0x5f, 0x7e: out.append(byte)
            default: out += [UInt8(ascii: "%"), digits[Int(high)], digits[Int(low)]]
            }
            at += 3
        }
        return out
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
