/// "scheme://user:password@host:port/path?query" as settings name servers, with the escapes (%40) of its parts undone.
public struct ServerURL {
    /// In small letters; empty when the text has none.
    public private(set) var scheme: [UInt8] = []
    public private(set) var user: [UInt8]?
    public private(set) var password: [UInt8]?
    public private(set) var host: [UInt8] = []
    public private(set) var port: Int?
    /// Without the slash before it; `nil` when there is not even that.
    public private(set) var path: [UInt8]?

    /// `nil` when the text is no such URL, or has no host. The query is passed over.
    public init?(_ text: Str) {
        var rest = text.array[...]
        if let colon = rest.firstIndex(of: 0x3A), rest[(colon + 1)...].starts(with: [0x2F, 0x2F]) {
            scheme = rest[..<colon].map { $0 >= 0x41 && $0 <= 0x5A ? $0 | 0x20 : $0 }
            rest = rest[(colon + 3)...]
        }
        if let mark = rest.firstIndex(where: { $0 == 0x3F || $0 == 0x23 }) { rest = rest[..<mark] }
        if let slash = rest.firstIndex(of: 0x2F) {
            guard let path = Self.unescaped(rest[(slash + 1)...]) else { return nil }
            self.path = path
            rest = rest[..<slash]
        }
        // A password that nobody has escaped may hold an @.
        if let at = rest.lastIndex(of: 0x40) {
            let who = rest[..<at]
            let colon = who.firstIndex(of: 0x3A) ?? who.endIndex
            user = Self.unescaped(who[..<colon])
            if colon < who.endIndex { password = Self.unescaped(who[(colon + 1)...]) }
            guard user != nil, colon == who.endIndex || password != nil else { return nil }
            rest = rest[(at + 1)...]
        }
        guard let (host, port) = Self.address(rest) else { return nil }
        self.host = host
        self.port = port
    }

    /// "host", "host:port", "[::1]:port".
    private static func address(_ text: ArraySlice<UInt8>) -> ([UInt8], Int?)? {
        var host = text, port: ArraySlice<UInt8>?
        if text.first == 0x5B {
            guard let close = text.firstIndex(of: 0x5D) else { return nil }
            host = text[(text.startIndex + 1)..<close]
            let after = text[(close + 1)...]
            if !after.isEmpty {
                guard after.first == 0x3A else { return nil }
                port = after.dropFirst()
            }
        } else if let colon = text.firstIndex(of: 0x3A) {
            host = text[..<colon]
            port = text[(colon + 1)...]
        }
        guard !host.isEmpty, !host.contains(0) else { return nil }
        guard let port else { return ([UInt8](host), nil) }
        guard let number = port.withUnsafeBytes({ Str($0).decimal }), number > 0, number < 65536 else { return nil }
        return ([UInt8](host), Int(number))
    }

    private static func unescaped(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        var out: [UInt8] = []
        var at = text.startIndex
        while at < text.endIndex {
            if text[at] == 0x25 {
                guard at + 2 < text.endIndex, let high = digit(text[at + 1]), let low = digit(text[at + 2]) else { return nil }
                out.append(high << 4 | low)
                at += 3
            } else {
                out.append(text[at])
                at += 1
            }
        }
        return out.contains(0) ? nil : out
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
