import Invocation
import Transport

/// Which app and which of its methods an HTTP request is for. Source: Dapr's service invocation API.
struct InvocationTarget {
    enum Callee: Equatable {
        /// An app, or an endpoint with such a name.
        case app(AppName)
        case url(String)
    }

    let callee: Callee
    /// Method and query as the caller has written them, with a leading slash.
    let method: String

    /// The same as they go to an app.
    func path() throws(InvocationFailure) -> String { try MethodPath.cleaned(method) }

    static let prefix = "/v1.0/invoke/"

    /// Whether a request is an invocation: by its path, or because it names an app and no route of the API has its path.
    static func isMeant(_ request: HTTPRequest) -> Bool {
        if request.target.hasPrefix(prefix) { return true }
        return !isOfAPI(request.target) && named(request) != nil
    }

    /// `namespace`: the caller's.
    init(_ request: HTTPRequest, namespace: String) throws(InvocationFailure) {
        if !request.target.hasPrefix(Self.prefix), let app = Self.named(request) {
            callee = try Self.callee(app, namespace)
            method = request.target
            return
        }
        // Bytes, not characters: those would have to be found first.
        let rest = request.target.utf8.dropFirst(Self.prefix.utf8.count)
        let end = rest.starts(with: "http".utf8) ? Self.endOfURL(rest) : rest.firstIndex(of: UInt8(ascii: "/"))
        guard let end, end > rest.startIndex, rest[end...].starts(with: "/method".utf8) else {
            throw .noTarget(
                cause: "failed getting app id either from the URL path or the header dapr-app-id: the path is not "
                    + "/v1.0/invoke/<app-id>/method/<method>")
        }
        guard let name = Self.decoded(Substring(rest[..<end])) else {
            throw .badTarget(cause: "the app id holds a malformed percent escape")
        }
        callee = try Self.callee(name, namespace)
        let method = Substring(rest[end...].dropFirst("/method".utf8.count))
        guard method.isEmpty || method.utf8.first == UInt8(ascii: "/") || method.utf8.first == UInt8(ascii: "?") else {
            throw .noTarget(cause: "failed getting the method from the path: it is not /v1.0/invoke/<app-id>/method/<method>")
        }
        self.method = method.utf8.first == UInt8(ascii: "/") ? String(method) : "/" + method
    }

    static func callee(_ name: String, _ namespace: String) throws(InvocationFailure) -> Callee {
        guard name.utf8.starts(with: "http".utf8), let scheme = ["http:/", "https:/"].first(where: { name.hasPrefix($0) }) else {
            return .app(try AppName(name, default: namespace))
        }
        // Whoever tidies paths on the way makes one slash of two.
        return .url(name.dropFirst(scheme.count).hasPrefix("/") ? name : scheme + "/" + name.dropFirst(scheme.count))
    }

    /// Where a URL ends that stands in a path as it is: before `/method`, of which its own path has none.
    private static func endOfURL(_ text: Substring.UTF8View) -> Substring.UTF8View.Index? {
        guard text.starts(with: "http:/".utf8) || text.starts(with: "https:/".utf8) else { return text.firstIndex(of: UInt8(ascii: "/")) }
        var place = text.startIndex
        while let slash = text[place...].firstIndex(of: UInt8(ascii: "/")) {
            if text[slash...].starts(with: "/method/".utf8) || text[slash...].starts(with: "/method?".utf8)
                || text[slash...].elementsEqual("/method".utf8)
            {
                return slash
            }
            place = text.index(after: slash)
        }
        return nil
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
