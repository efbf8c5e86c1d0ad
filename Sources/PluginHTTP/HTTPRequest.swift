public import PluginKit

/// What is asked of a server.
public struct HTTPRequest {
    /// In capitals.
    public var method: String
    /// Absolute, http or https, escaped where needed.
    public var url: String
    public var headers: [(name: String, value: String)] = []
    public var body: [UInt8]?
    /// The longest body of a response that is taken; not of streams.
    public var maxBody = 4 << 20
    /// How long all of it may take, in nanoseconds; 0 = for ever.
    public var timeout: Int64 = 30_000_000_000
    /// How long nothing may come or go, in nanoseconds, rounded up to seconds; 0 = for ever.
    public var silence: Int64 = 0
    /// It may be sent again when a connection that was kept turns out to be closed after it was sent. `nil`: unless the method
    /// is POST or PATCH. What the server has certainly not seen is always sent again.
    public var isRepeatable: Bool?
    /// More options of libcurl.
    public var configure: ((CurlTransfer) -> Void)?

    public init(_ method: String, _ url: String, body: [UInt8]? = nil) {
        self.method = method
        self.url = url
        self.body = body
    }

    /// Throws what would change the meaning of the request.
    func check() throws(PluginError) {
        func isLine(_ text: String) -> Bool { !text.utf8.contains { $0 < 0x20 && $0 != 0x09 || $0 == 0x7F } }
        for header in headers where !isLine(header.name) || !isLine(header.value) || header.name.utf8.isEmpty || header.name.utf8.contains(0x3A) {
            throw .invalid("A header of the request has a control character or no name.")
        }
        if !isLine(url) || url.utf8.contains(0x20) { throw .invalid("The URL has a blank or a control character: escape it.") }
        if method.utf8.isEmpty || method.utf8.contains(where: { $0 <= 0x20 || $0 >= 0x7F }) { throw .invalid("The method of a request is one word.") }
    }

    /// The URL with `name` in place of its host, and that host; `nil` unless it is https without a user in it.
    func place(of name: String) -> (url: String, host: String)? {
        let bytes = Array(url.utf8)
        let start = 8
        guard bytes.count > start, Array(bytes[..<start]).equals("https://") else { return nil }
        var end = start
        while end < bytes.count, bytes[end] != 0x2F, bytes[end] != 0x3F, bytes[end] != 0x23 {
            if bytes[end] == 0x40 { return nil }
            end += 1
        }
        var colon = bytes[start..<end].firstIndex(of: 0x3A) ?? end
        // [::1]:8200 has colons before its port.
        if bytes[start] == 0x5B, let close = bytes[start..<end].firstIndex(of: 0x5D) { colon = close + 1 }
        return (
            "https://" + name + String(decoding: bytes[colon...], as: UTF8.self), String(decoding: bytes[start..<colon], as: UTF8.self)
        )
    }

    /// Host and port of the URL as written, without a user: for messages.
    var target: String {
        let bytes = Array(url.utf8)
        var start = 0, place = 0
        while place + 2 < bytes.count {
            if bytes[place] == 0x3A, bytes[place + 1] == 0x2F, bytes[place + 2] == 0x2F {
                start = place + 3
                break
            }
            place += 1
        }
        var end = start
        while end < bytes.count, bytes[end] != 0x2F, bytes[end] != 0x3F, bytes[end] != 0x23 {
            if bytes[end] == 0x40 { start = end + 1 }
            end += 1
        }
        return String(decoding: bytes[start..<end], as: UTF8.self)
    }
}

/// What a server has answered, whatever the status.
public struct HTTPResponse {
    public var status = 0
    /// Names in small letters.
    public var headers: [(name: [UInt8], value: [UInt8])] = []
    public var body: [UInt8] = []

    public init() {}

    public var isSuccess: Bool { (200..<300).contains(status) }

    /// The first header of that name, which is given in small letters.
    public func header(_ name: StaticString) -> [UInt8]? {
        for header in headers where header.name.withUnsafeBytes({ Str($0).equals(name) }) { return header.value }
        return nil
    }
}
