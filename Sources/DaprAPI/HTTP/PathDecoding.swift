/// A request target taken apart: path segments and query, percent-decoded. Source: Dapr's HTTP API
/// (duplicate slashes collapse, a trailing slash is dropped, `+` in parameters is a space).
struct RequestTarget {
    var segments: [String] = []
    var query: [(name: String, value: String)] = []

    /// `nil` when an escape is malformed.
    init?(_ target: String) {
        let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        for segment in parts[0].split(separator: "/") {
            guard let text = RequestTarget.decode(segment) else { return nil }
            segments.append(text)
        }
        guard parts.count == 2 else { return }
        for pair in parts[1].split(separator: "&") {
            let sides = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = RequestTarget.decode(sides[0]),
                let value = sides.count == 2 ? RequestTarget.decode(sides[1]) : ""
            else { return nil }
            query.append((name, value))
        }
    }

    /// The first value of a query parameter.
    func parameter(_ name: String) -> String? { query.first { $0.name == name }?.value }

    /// Parameters `metadata.<name>`; the first of a name wins.
    var metadata: [(String, String)] {
        var found: [(String, String)] = []
        for (name, value) in query where name.hasPrefix("metadata.") {
            let short = String(name.dropFirst(9))
            if !found.contains(where: { $0.0 == short }) { found.append((short, value)) }
        }
        return found
    }

    private static func decode(_ text: Substring) -> String? {
        if !text.utf8.contains(where: { $0 == 0x25 || $0 == 0x2b }) { return String(text) }
        var out: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            switch byte {
            case 0x2b: out.append(0x20)
            case 0x25:
                guard let high = rest.popFirst().flatMap(digit), let low = rest.popFirst().flatMap(digit) else {
                    return nil
                }
                out.append(high << 4 | low)
            default: out.append(byte)
            }
        }
        return String(validating: out, as: UTF8.self)
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x37
        case 0x61...0x66: byte - 0x57
        default: nil
        }
    }
}
