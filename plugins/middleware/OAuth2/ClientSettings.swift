import PluginHTTP
import PluginKit

/// The metadata of `middleware.http.oauth2clientcredentials`, checked.
struct ClientSettings {
    let url: String
    private let id: [UInt8]
    private let secret: [UInt8]
    private let scopes: [UInt8]
    private let extra: [UInt8]
    /// 0: found out; 1: credentials in the body; 2: in a header.
    let style: Int64
    /// In small letters.
    let header: [UInt8]
    /// What paths get a token; nil: all.
    var filter: Pattern?
    var http = HTTPOptions()

    static var fields: [Field] {
        [
            .string("clientID", required: true, "Id of the client."),
            .string("clientSecret", required: true, sensitive: true, "Secret of the client."),
            .string("tokenURL", required: true, example: "https://login.example/token", "Where tokens are given."),
            .string("headerName", required: true, example: "authorization", "Header that the token is sent in, in place of one of that name."),
            .string("scopes", example: "orders.read,orders.write", "Scopes of the token, separated by commas."),
            .string("endpointParamsQuery", example: "audience=orders", "More parameters for tokenURL, as in a query."),
            .integer("authStyle", default: "0", from: 0, to: 2, "How the client says who it is: 1 in the body, 2 in a header, 0 as turns out."),
            .string("pathFilter", example: "^/v1[.]0/invoke/orders/", "Regular expression (RE2): only paths that match it get the token."),
            .string("caCert", example: "/etc/login/ca.pem", "Authorities of the server's certificate, a file or PEM text; the system's without it."),
        ]
    }

    init(_ config: Config) throws(PluginError) {
        url = config.string("tokenURL") ?? ""
        id = config.text("clientID").array
        secret = config.text("clientSecret").array
        extra = config.text("endpointParamsQuery").array
        style = config.integer("authStyle") ?? 0
        header = lowercased(config.text("headerName").array)
        var scopes: [UInt8] = []
        for scope in words(config.text("scopes").array, blanks: true) { scopes += (scopes.isEmpty ? [] : [0x20]) + scope }
        self.scopes = scopes
        let isURL = Array(url.utf8).withUnsafeBytes { Str($0).hasPrefix(Str("https://")) || Str($0).hasPrefix(Str("http://")) }
        guard isURL else { throw .invalid("tokenURL is to begin with https:// or http://.") }
        guard !header.isEmpty, !header.contains(where: { $0 <= 0x20 || $0 >= 0x7F || $0 == 0x3A }) else {
            throw .invalid("headerName is to be the name of a header, such as authorization.")
        }
        if extra.contains(where: { $0 <= 0x20 || $0 >= 0x7F }) { throw .invalid("endpointParamsQuery is to be escaped as in a query.") }
        if let text = config.string("pathFilter") {
            do throws(PluginError) { filter = try Pattern(Array(text.utf8)) } catch {
                throw .invalid("pathFilter can't be used: \(error.message).")
            }
        }
        http.tls.authority = config.string("caCert")
    }

    func request(inBody: Bool) -> HTTPRequest {
        var form = "grant_type=client_credentials"
        if !scopes.isEmpty { form += "&scope=" + URLText.escaped(scopes) }
        if inBody { form += "&client_id=" + URLText.escaped(id) + "&client_secret=" + URLText.escaped(secret) }
        if !extra.isEmpty { form += "&" + String(decoding: extra, as: UTF8.self) }
        var request = HTTPRequest("POST", url, body: Array(form.utf8))
        request.headers = [("content-type", "application/x-www-form-urlencoded"), ("accept", "application/json")]
        if !inBody {
            // Each escaped as in a form (RFC 6749 §2.3.1).
            let pair = Array((URLText.escaped(id) + ":" + URLText.escaped(secret)).utf8)
            var text = [UInt8](repeating: 0, count: Base64.encodedSize(pair.count))
            pair.withUnsafeBytes { pair in text.withUnsafeMutableBufferPointer { Base64.encode(pair, to: $0.baseAddress!) } }
            request.headers.append(("authorization", "Basic " + String(decoding: text, as: UTF8.self)))
        }
        request.timeout = 5_000_000_000
        request.maxBody = 1 << 20
        request.isRepeatable = true
        return request
    }
}
