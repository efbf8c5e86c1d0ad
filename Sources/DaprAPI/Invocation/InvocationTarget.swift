import Invocation
import Transport

/// Which app and which of its methods an HTTP request is for. Source: Dapr's service invocation API.
struct InvocationTarget {
    let app: AppName
    /// Method and query as they go to the app, with a leading slash.
    let path: String

    static let prefix = "/v1.0/invoke/"

    /// Whether a request is an invocation: by its path, or because it names an app and no route of the API has its path.
    static func isMeant(_ request: HTTPRequest) -> Bool {
        if request.target.hasPrefix(prefix) { return true }
        return !isOfAPI(request.target) && named(request) != nil
    }

    /// `namespace`: the caller's.
    init(_ request: HTTPRequest, namespace: String) throws(InvocationFailure) {
        if !request.target.hasPrefix(Self.prefix), let app = Self.named(request) {
            self.app = try AppName(app, default: namespace)
            path = try Self.cleaned(request.target[...])
            return
        }
        // Bytes, not characters: those would have to be found first.
        let rest = request.target.utf8.dropFirst(Self.prefix.utf8.count)
        guard let slash = rest.firstIndex(of: UInt8(ascii: "/")), slash > rest.startIndex, rest[slash...].starts(with: "/method".utf8) else {
            throw .noTarget(
                cause: "failed getting app id either from the URL path or the header dapr-app-id: the path is not "
                    + "/v1.0/invoke/<app-id>/method/<method>")
        }
        guard let app = Self.decoded(Substring(rest[..<slash])) else {
            throw .badTarget(cause: "the app id holds a malformed percent escape")
        }
        guard !app.utf8.contains(UInt8(ascii: ":")) || !app.contains("://") else {
            throw .badTarget(cause: "calls of URLs that are no apps are not available in this build of the runtime")
        }
        self.app = try AppName(app, default: namespace)
        let method = Substring(rest[slash...].dropFirst("/method".utf8.count))
        guard method.isEmpty || method.utf8.first == UInt8(ascii: "/") || method.utf8.first == UInt8(ascii: "?") else {
            throw .noTarget(cause: "failed getting the method from the path: it is not /v1.0/invoke/<app-id>/method/<method>")
        }
        path = try Self.cleaned(method.utf8.first == UInt8(ascii: "/") ? String(method) : "/" + method)
    }

    /// The app that the fields name: `dapr-app-id`, or a user of that name with the app's id as password.
    private static func named(_ request: HTTPRequest) -> String? {
        if let id = request.headers["dapr-app-id" as StaticString], !id.isEmpty { return id }
        guard let authorization = request.headers["authorization" as StaticString], authorization.hasPrefix("Basic "),
            let bytes = Base64.decode(authorization.dropFirst(6).utf8)
        else { return nil }
        let text = String(decoding: bytes, as: UTF8.self)
        return text.hasPrefix("dapr-app-id:") ? String(text.dropFirst(12)) : nil
    }

    /// Paths that the API itself has, whatever app a request names.
    private static func isOfAPI(_ target: String) -> Bool {
        guard target.utf8.starts(with: "/v1.".utf8) else { return false }
        let path = target.utf8.prefix { $0 != UInt8(ascii: "?") }.split(separator: UInt8(ascii: "/"), maxSplits: 2)
        return path.count >= 2 && groups.contains(String(Substring(path[1])))
    }

    private static let groups: Set<String> = [
        "state", "secrets", "publish", "lock", "unlock", "configuration", "crypto", "subtlecrypto", "bindings", "metadata", "healthz",
        "shutdown", "invoke",
    ]

    /// The path without `.`, `..` and empty segments, so that what rules say of a path is true of the one that the app gets.
    /// Escapes that could hide such segments, or a separator, are refused.
    static func cleaned(_ target: some StringProtocol) throws(InvocationFailure) -> String {
        let text = String(target)
        if isClean(text) { return text }
        let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        let path = parts.first.map { String($0) } ?? ""
        let lower = path.lowercased()
        for trick in ["%2f", "%5c", "%2e", "\\", "%00"] where contains(lower, trick) {
            throw .badTarget(cause: "the method's path may not hold \(trick)")
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

    /// Whether there is nothing to clean: no escape, no backslash, no empty segment and none that begins with a dot.
    private static func isClean(_ text: String) -> Bool {
        var isAfterSlash = false
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "?"): return true
            case UInt8(ascii: "%"), UInt8(ascii: "\\"), 0: return false
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

    private static func contains(_ text: String, _ part: String) -> Bool {
        let (text, part) = (Array(text.utf8), Array(part.utf8))
        guard text.count >= part.count else { return false }
        return (0...text.count - part.count).contains { text[$0..<$0 + part.count].elementsEqual(part) }
    }

    private static func decoded(_ text: Substring) -> String? {
        guard text.utf8.contains(UInt8(ascii: "%")) else { return String(text) }
        var out: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                out.append(byte)
                continue
            }
            guard let pair = rest.count >= 2 ? rest.prefix(2) : nil, let value = UInt8(String(decoding: pair, as: UTF8.self), radix: 16)
            else { return nil }
            rest = rest.dropFirst(2)
            out.append(value)
        }
        return String(validating: out, as: Unicode.UTF8.self)
    }
}
