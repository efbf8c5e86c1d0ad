/// A request target taken apart: path segments and query, percent-decoded. Source: Dapr's HTTP API
/// (duplicate slashes collapse, a trailing slash is dropped, `.` and `..` are resolved as they are written,
/// `+` in parameters is a space).
struct RequestTarget {
    var segments: [String] = []
    private var query: [(name: String, value: String)] = []
    /// Parameters `metadata.<name>`; the first of a name wins.
    private(set) var metadata: [(String, String)] = []

    /// Parameters that count again for each item of a request; more would make a small body a large request.
    static let metadataLimit = 32

    enum Malformed: Error, Equatable {
        case escape
        case tooMuchMetadata

        var message: String {
            switch self {
            case .escape: "the path holds a malformed percent escape, or bytes that are not UTF-8"
            case .tooMuchMetadata: "the query holds more than \(metadataLimit) metadata parameters"
            }
        }
    }

    init(_ target: String) throws(Malformed) {
        let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        var path: [Substring] = []
        for segment in parts.first?.split(separator: "/") ?? [] {
            switch segment {
            case ".": break
            case "..": _ = path.popLast()
            default: path.append(segment)
            }
        }
        for segment in path {
            guard let text = RequestTarget.decode(segment) else { throw .escape }
            segments.append(text)
        }
        if parts.count == 2 { try read(query: parts[1]) }
    }

    /// A pair that can't be decoded is passed over, as Go's `URL.Query` does.
    private mutating func read(query text: Substring) throws(Malformed) {
        for pair in text.split(separator: "&") where !pair.utf8.contains(0x3b) {
            let sides = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = RequestTarget.decode(sides[0]),
                let value = sides.count == 2 ? RequestTarget.decode(sides[1]) : ""
            else { continue }
            query.append((name, value))
            guard name.hasPrefix("metadata.") else { continue }
            let short = String(name.dropFirst(9))
            if metadata.contains(where: { $0.0 == short }) { continue }
            guard metadata.count < RequestTarget.metadataLimit else { throw .tooMuchMetadata }
            metadata.append((short, value))
        }
    }

    /// The first value of a query parameter.
    func parameter(_ name: String) -> String? { query.first { $0.name == name }?.value }

    /// All values of a query parameter, as they come.
    func parameters(_ name: String) -> [String] { query.filter { $0.name == name }.map(\.value) }

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
