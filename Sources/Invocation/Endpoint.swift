import NIOCore
import Tracing
package import Transport

/// A server that is no app, as the operator has described it, or as a caller has by its URL.
package struct EndpointSettings: Sendable {
    /// What callers call it; of a URL, the URL.
    package var name: String
    package var address: EndpointAddress
    /// Fields of every request; they replace the caller's of the same name.
    package var headers: [(String, String)]
    /// Used when the address is of `https`.
    package var tls: TLSClientContext?
    /// Why it can't be called at present; nil: it can.
    package var refusal: String?
    /// Another number whenever something about it is another; 0: unknown.
    package var revision: Int

    package init(
        name: String, address: EndpointAddress, headers: [(String, String)] = [], tls: TLSClientContext? = nil, refusal: String? = nil,
        revision: Int = 0
    ) {
        self.name = name
        self.address = address
        self.headers = headers
        self.tls = tls
        self.refusal = refusal
        self.revision = revision
    }
}

/// Scheme, host, port and the beginning of the path.
package struct EndpointAddress: Sendable, Hashable {
    package var isSecure: Bool
    package var host: String
    package var port: Int
    /// Without a slash at its end; empty or with one in front.
    package var path: String

    /// Reads `http://host[:port][/path]` or the same with `https`; nil for anything else, and for one with a user, a query or
    /// a fragment.
    package init?(_ text: some StringProtocol) {
        let bytes = Array(text.utf8)
        guard bytes.allSatisfy({ $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "\\") }) else { return nil }
        let lower = text.lowercased()
        isSecure = lower.hasPrefix("https://")
        guard isSecure || lower.hasPrefix("http://") else { return nil }
        let rest = bytes.dropFirst(isSecure ? 8 : 7)
        guard !rest.contains(where: { $0 == UInt8(ascii: "?") || $0 == UInt8(ascii: "#") }) else { return nil }
        let authority = rest.prefix { $0 != UInt8(ascii: "/") }
        guard !authority.contains(UInt8(ascii: "@")) else { return nil }
        let name: ArraySlice<UInt8>, digits: ArraySlice<UInt8>
        if authority.first == UInt8(ascii: "["), let end = authority.firstIndex(of: UInt8(ascii: "]")) {
            name = authority[(authority.startIndex + 1)..<end]
            let behind = authority[(end + 1)...]
            guard behind.isEmpty || behind.first == UInt8(ascii: ":") else { return nil }
            digits = behind.dropFirst()
        } else if let colon = authority.firstIndex(of: UInt8(ascii: ":")) {
            name = authority[..<colon]
            digits = authority[(colon + 1)...]
        } else {
            name = authority
            digits = []
        }
        guard !name.isEmpty, digits.count <= 5, digits.allSatisfy({ $0 &- 0x30 < 10 }) else { return nil }
        host = String(decoding: name, as: UTF8.self)
        port = digits.isEmpty ? (isSecure ? 443 : 80) : Int(String(decoding: digits, as: UTF8.self)) ?? 0
        guard 1...65535 ~= port else { return nil }
        var path = String(decoding: rest[authority.endIndex...], as: UTF8.self)
        while path.utf8.last == UInt8(ascii: "/") { path.removeLast() }
        self.path = path
    }
}

/// A server that is no app on one event loop.
package final class Endpoint {
    let settings: EndpointSettings
    let client: HTTPClient
    /// Requests that have not ended.
    private var underWay = 0
    private var isRetired = false
    private let replaced: HeaderFields
    private let loop: ClientLoop
    /// For WebSockets: most servers take them over HTTP/1.1 alone, and agree to HTTP/2 all the same.
    private(set) lazy var socketClient: HTTPClient = {
        guard settings.address.isSecure else { return client }
        hasSocketClient = true
        let target = ClientTarget(.tcp(host: settings.address.host, port: settings.address.port), wire: .http1, tls: settings.tls)
        return HTTPClient(target, loop: loop, name: "the endpoint \(settings.name)")
    }()
    private var hasSocketClient = false

    var isIdle: Bool { underWay == 0 }

    init(_ settings: EndpointSettings, _ loop: ClientLoop) {
        self.settings = settings
        let address = settings.address
        let target = ClientTarget(
            .tcp(host: address.host, port: address.port), wire: address.isSecure ? .negotiated : .http1,
            tls: address.isSecure ? settings.tls : nil)
        self.loop = loop
        client = HTTPClient(target, loop: loop, name: "the endpoint \(settings.name)")
        replaced = HeaderFields(settings.headers)
    }

    func enter() { underWay += 1 }

    func leave() {
        underWay -= 1
        if isRetired, underWay == 0 { close() }
    }

    /// Nobody calls it from now on; what is under way ends by itself.
    func retire() {
        isRetired = true
        if underWay == 0 { close() }
    }

    func close() {
        client.close()
        if hasSocketClient { socketClient.close() }
    }

    /// What goes to it of a caller's fields: nothing that apps say to each other, and its own instead of the caller's.
    func fields(_ headers: HeaderFields, for activity: ActivityRef?) -> HeaderFields {
        let forwarded = ForwardedFields.request(headers, keepsCaller: false, for: activity)
        guard replaced.count > 0 else { return forwarded }
        var fields = HeaderFields()
        forwarded.forEach { name, value in
            if replaced.value(name) == nil { fields.append(name, value) }
        }
        fields.append(replaced)
        return fields
    }
}

/// To a server that is no app.
final class EndpointRoute: RelayRoute {
    private let endpoint: Endpoint
    private var hasEntered = false

    private let isWebSocket: Bool

    init(_ endpoint: Endpoint, isWebSocket: Bool) {
        self.endpoint = endpoint
        self.isWebSocket = isWebSocket
    }

    func open(_ done: @escaping (Result<HTTPClient, InvocationFailure>) -> Void) {
        if !hasEntered {
            hasEntered = true
            endpoint.enter()
        }
        done(.success(isWebSocket ? endpoint.socketClient : endpoint.client))
    }

    func failed(_ error: ClientError) -> InvocationFailure { InvocationFailure(error, app: endpoint.settings.name) }

    func close() {
        if hasEntered { endpoint.leave() }
        hasEntered = false
    }

    func fields(_ request: HTTPRequest) -> HeaderFields { endpoint.fields(request.headers, for: request.activity) }
}

/// The servers that are no apps, on one event loop.
final class Endpoints {
    private let loop: ClientLoop
    private var named: [String: Endpoint] = [:]
    private var byURL: [EndpointAddress: Endpoint] = [:]
    /// Trust of the system's authorities, read once it is needed.
    private lazy var systemTLS = Result { try TLSClientContext(trust: .system, offer: .http2OrHTTP1) }

    /// Servers whose connections are kept; callers choose the URLs.
    private static let limit = 256

    init(_ loop: ClientLoop) { self.loop = loop }

    /// Those of resources, in place of the ones before.
    func set(_ all: [EndpointSettings]) {
        let before = named
        named = [:]
        for settings in all {
            if let one = before[settings.name], settings.revision != 0, one.settings.revision == settings.revision {
                named[settings.name] = one
            } else {
                named[settings.name] = Endpoint(settings, loop)
            }
        }
        for (name, endpoint) in before where named[name] !== endpoint { endpoint.retire() }
    }

    func named(_ name: String) -> Endpoint? { named.isEmpty ? nil : named[name] }

    /// The server of a URL, and the beginning of the path.
    func at(_ url: String) throws(InvocationFailure) -> (endpoint: Endpoint, path: String) {
        guard var address = EndpointAddress(url) else {
            throw .badTarget(cause: "\"\(url.prefix(80))\" is not the URL of a server; write it like https://host:port")
        }
        // The path is of the request; connections are to the server.
        let path = address.path
        address.path = ""
        var settings = EndpointSettings(name: url, address: address)
        if address.isSecure {
            switch systemTLS {
            case .success(let tls): settings.tls = tls
            case .failure(let error): throw .unreachable(app: url, cause: "\(error)")
            }
        }
        if let known = byURL[address] { return (known, path) }
        if byURL.count >= Self.limit {
            for (address, endpoint) in byURL where endpoint.isIdle {
                endpoint.retire()
                byURL[address] = nil
            }
        }
        let made = Endpoint(settings, loop)
        byURL[address] = made
        return (made, path)
    }

    func close() {
        for endpoint in named.values { endpoint.close() }
        for endpoint in byURL.values { endpoint.close() }
        named = [:]
        byURL = [:]
    }
}
