/// The path of a method, as a caller has written it.
package enum MethodPath {
    /// The path, with its query, without `.`, `..` and empty segments, so that what rules say of a path is true of the one that
    /// the app gets. Escapes that could hide such segments, or a separator, are refused.
    package static func cleaned(_ target: some StringProtocol) throws(InvocationFailure) -> String {
        let text = String(target)
        if isClean(text) { return text }
        let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        let path = parts.first.map { String($0) } ?? ""
        let lower = Array(path.lowercased().utf8)
        for trick in ["%2f", "%5c", "%2e", "\\", "%00", "#"] where contains(lower, trick) {
            throw .badTarget(cause: "the method's path may not hold \(trick)")
        }
        guard path.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7f }) else {
            throw .badTarget(cause: "the method's path may not hold blanks or control characters")
        }
        var segments: [Substring] = []
        for segment in path.split(separator: "/") {
            switch segment {
            case ".": break
            case "..": _ = segments.popLast()
            default: segments.append(segment)
            }
        }
        var cleaned = "/" + segments.joined(separator: "/")
        if path.hasSuffix("/"), !segments.isEmpty { cleaned += "/" }
        return parts.count == 2 ? cleaned + "?" + parts[1] : cleaned
    }

    /// Whether there is nothing to clean: nothing that is refused, no escape, no empty segment and none that begins with a dot.
    private static func isClean(_ text: String) -> Bool {
        var isAfterSlash = false
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "?"): return true
            case UInt8(ascii: "%"), UInt8(ascii: "\\"), UInt8(ascii: "#"), 0...0x20, 0x7f: return false
            case UInt8(ascii: "/"):
                if isAfterSlash { return false }
                isAfterSlash = true
            case UInt8(ascii: "."):
                if isAfterSlash { return false }
            default: isAfterSlash = false
            }
        }
        return text.utf8.first == UInt8(ascii: "/")
    }

    private static func contains(_ text: [UInt8], _ part: String) -> Bool {
        let part = Array(part.utf8)
        guard text.count >= part.count else { return false }
        return (0...text.count - part.count).contains { text[$0..<$0 + part.count].elementsEqual(part) }
    }

    /// Each way in which an app may read the segments of a path: as they are, and without what some leave away: parameters
    /// (RFC 3986 §3.3), a query behind an escape, dots and blanks at the end. Throws for what may be read as yet another path.
    ///
    /// `target`: cleaned, or the path of a gRPC method.
    static func readings(_ target: String) throws(InvocationFailure) -> [[String]] {
        var plain: [String] = []
        var bare: [String] = []
        for written in target.prefix(while: { $0 != "?" }).split(separator: "/") {
            let segment = try decoded(written)
            plain.append(segment)
            var short = Substring(segment).prefix { $0 != ";" && $0 != "?" && $0 != "#" }
            while let last = short.last, last == "." || last == " " { short.removeLast() }
            // What is left of "..;a" and of ";a" is a segment that others read as the folder above, or as none.
            guard !short.isEmpty else { throw .badTarget(cause: "the method's path may be read in more than one way") }
            bare.append(String(short))
        }
        return plain == bare ? [plain] : [plain, bare]
    }

    private static func decoded(_ text: Substring) throws(InvocationFailure) -> String {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard rest.count >= 2, let high = digit(rest.removeFirst()), let low = digit(rest.removeFirst()) else {
                throw .badTarget(cause: "the method's path holds a malformed percent escape")
            }
            bytes.append(high << 4 | low)
        }
        for index in bytes.indices {
            if bytes[index] < 0x20 || bytes[index] == 0x7f { throw .badTarget(cause: "the method's path may not hold control characters") }
            if bytes[index] == UInt8(ascii: "/") || bytes[index] == UInt8(ascii: "\\") {
                throw .badTarget(cause: "the method's path may be read in more than one way")
            }
            // Whoever decodes twice reads another path.
            if bytes[index] == UInt8(ascii: "%"), index + 2 < bytes.count, digit(bytes[index + 1]) != nil, digit(bytes[index + 2]) != nil {
                throw .badTarget(cause: "the method's path holds an escape of an escape")
            }
        }
        guard let segment = String(validating: bytes, as: UTF8.self) else {
            throw .badTarget(cause: "the method's path is not valid UTF-8")
        }
        return segment
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
