import PluginHTTP
import PluginKeys
import PluginKit

/// `middleware.http.bearer`: lets requests through that bear a token of an issuer (RFC 6750). On the reactor thread.
final class Bearer: Filter {
    private let issuer: [UInt8]
    private let audiences: [[UInt8]]
    private let leeway: Int64
    private let keys: KeySource

    static var fields: [Field] {
        [
            .string("issuer", required: true, example: "https://login.example", "Issuer of the tokens, as their member iss has it.").alias("issuerURL"),
            .string("audience", required: true, example: "orders", "Audiences that a token may be for, separated by commas.").alias("clientID"),
            .string(
                "jwksURL", example: "https://login.example/keys",
                "Where the issuer's keys are (a JSON Web Key Set). Without it the issuer is asked (OpenID Connect Discovery)."),
            .duration("leeway", default: "5m", "How far the clocks of the issuer and of this machine may be apart."),
            .duration("refreshInterval", default: "10m", "How often the keys are fetched again; also when a token names one that is not known."),
            .string("caCert", example: "/etc/login/ca.pem", "Authorities of the issuer's certificate, a file or PEM text; the system's without it."),
        ]
    }

    init(_ config: Config, _ instance: Instance) throws(PluginError) {
        issuer = config.text("issuer").array
        audiences = words(config.text("audience").array)
        leeway = (config.duration("leeway") ?? 0) / 1_000_000_000
        guard !issuer.isEmpty, !audiences.isEmpty else { throw .invalid("issuer and audience are needed: whose tokens count, and for whom.") }
        guard leeway >= 0, leeway <= 3600 else { throw .invalid("leeway is to be at most 1h.") }
        let age = config.duration("refreshInterval") ?? 0
        guard age >= 1_000_000_000 else { throw .invalid("refreshInterval is to be at least 1s.") }
        var options = HTTPOptions()
        options.tls.authority = config.string("caCert")
        keys = KeySource(instance, issuer: config.string("issuer") ?? "", url: config.string("jwksURL"), age: age, options)
        super.init(instance, Features(0))
    }

    /// Without keys no request could pass.
    override func start(_ call: Call) throws(PluginError) {
        try keys.open { error in if let error { call.fail(error) } else { call.done() } }
    }

    override func stop(_ call: Call) throws(PluginError) {
        keys.close()
        call.done()
    }

    override func onRequest(_ message: UnsafePointer<octavo_filter_message>, _ reply: FilterReply) throws(PluginError) {
        guard let text = token(message) else {
            return reply.answer(401, text: "Unauthorized", [(Str("www-authenticate").array, Str("Bearer").array)])
        }
        let token: JSONToken
        do throws(JSONToken.Refusal) { token = try JSONToken(text) } catch { return refuse(reply, error) }
        keys.key(token.kid) { [self] result in
            switch result {
            case .failure(let error): reply.call.fail(error)
            case .success(let key): check(token, key, reply)
            }
        }
    }

    private func check(_ token: JSONToken, _ key: Key?, _ reply: FilterReply) {
        do throws(JSONToken.Refusal) {
            guard let key else { throw JSONToken.Refusal("the token is signed by a key that the issuer does not have") }
            guard token.isSigned(by: key) else { throw JSONToken.Refusal("the signature of the token is wrong") }
            try token.check(issuer: issuer, audiences: audiences, now: plugin_kit_wall() / 1_000_000_000, leeway: leeway)
            reply.pass()
        } catch { refuse(reply, error) }
    }

    private func refuse(_ reply: FilterReply, _ refusal: JSONToken.Refusal) {
        let challenge = Str("Bearer error=\"invalid_token\", error_description=\"").array + Str(refusal.cause).array + [0x22]
        reply.answer(401, text: "Unauthorized", [(Str("www-authenticate").array, challenge)])
    }

    /// What stands behind the word Bearer in the one field that may say so.
    private func token(_ message: UnsafePointer<octavo_filter_message>) -> [UInt8]? {
        let headers = message.pointee.headers
        var value: Str?
        for index in 0..<Int(headers.count) {
            let pair = headers.at(index, as: octavo_pair.self).pointee
            guard pair.name.equals("authorization") else { continue }
            // Whoever reads the other one would be deceived.
            if value != nil { return nil }
            value = pair.value
        }
        guard let text = value?.array, text.count > 7, lowercased([UInt8](text[..<7])).equals("bearer ") else { return nil }
        return [UInt8](text[7...].drop { $0 == 0x20 })
    }
}
