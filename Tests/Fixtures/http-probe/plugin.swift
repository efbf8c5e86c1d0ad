import PluginHTTP
import PluginKit

nonisolated(unsafe) private let descriptor = describe(
    id: "http-probe", version: "1.0.0", description: "Sends the requests that a test asks for",
    requires: OCTAVO_FEATURE_CALLS | OCTAVO_FEATURE_REACTOR,
    types: [
        .secretStore(
            "secretstores.http-probe", .reactor, features: 0,
            schema: Schema(
                title: "Probe", description: "A secret is a request.",
                fields: [
                    .string("ca", "Authority."), .string("cert", "Certificate."), .string("key", sensitive: true, "Key."),
                    .string("proxy", "Proxy."), .boolean("insecure", "No verification."), .boolean("http2", "HTTP/2 at once."),
                    .integer("redirects", "How many."), .integer("requests", "At the same time."),
                    .integer("connectTimeout", "Milliseconds."),
                ]),
            make: { (config, instance) throws(PluginError) in Probe(config, instance) })
    ])

/// The one symbol that the plugin exports.
@c(octavo_plugin_v1)
public func octavo_plugin_v1() -> UnsafePointer<octavo_plugin>? { descriptor }

final class Probe: SecretStore {
    private let client: HTTPClient

    init(_ config: Config, _ instance: Instance) {
        var options = HTTPOptions()
        options.tls.authority = config.string("ca")
        options.tls.certificate = config.string("cert")
        options.tls.key = config.string("key")
        options.tls.verifies = !config.flag("insecure")
        options.proxy = config.string("proxy")
        options.usesHTTP2AtOnce = config.flag("http2")
        options.redirects = Int(config.integer("redirects") ?? 0)
        options.requests = Int(config.integer("requests") ?? 1024)
        if let limit = config.integer("connectTimeout") { options.connectTimeout = limit * 1_000_000 }
        client = HTTPClient(instance, options)
        super.init(instance, Features(0))
    }

    override func start(_ call: Call) throws(PluginError) {
        try client.open()
        call.done()
    }

    override func stop(_ call: Call) throws(PluginError) {
        client.close()
        call.done()
    }

    override func get(_ request: UnsafePointer<octavo_secret_get_request>, _ reply: SecretReply) throws(PluginError) {
        let words = request.pointee.name.array.split(separator: 0x20)
        var wanted = HTTPRequest(text(words[0]), text(words[1]))
        var stopAfter = 0, isStream = false
        for word in words.dropFirst(2) {
            guard let equals = word.firstIndex(of: 0x3D) else { continue }
            let value = [UInt8](word[(equals + 1)...])
            let number = Int64(value.withUnsafeBytes { Str($0).decimal } ?? 0)
            switch text(word[..<equals]).utf8.first {
            case 0x62: wanted.body = value  // body
            case 0x74: wanted.timeout = number * 1_000_000  // timeout
            case 0x73: wanted.silence = number * 1_000_000  // silence
            case 0x6D: wanted.maxBody = Int(number)  // most
            case 0x72: wanted.isRepeatable = number != 0  // repeatable
            case 0x63:  // chunks
                isStream = true
                stopAfter = Int(number)
            case 0x68: wanted.headers.append((name: "X-Probe", value: text(value[...])))  // header
            default: throw .invalid("What is \(text(word[...]))?")
            }
        }
        if isStream { return try stream(wanted, stopAfter, reply) }
        try client.send(wanted) { result in
            switch result {
            case .success(let response): self.answer(response, response.body, chunks: 0, reply)
            case .failure(let failure): reply.call.fail(failure.error(isWrite: wanted.body != nil))
            }
        }
    }

    /// Cancels after `count` chunks; 0: reads to the end.
    private func stream(_ request: HTTPRequest, _ count: Int, _ reply: SecretReply) throws(PluginError) {
        var body: [UInt8] = [], chunks = 0, response = HTTPResponse()
        var transfer: HTTPTransfer?
        transfer = try client.stream(
            request, head: { response = $0 },
            chunk: { bytes in
                body.append(contentsOf: bytes)
                chunks += 1
                guard chunks == count else { return true }
                if let transfer { self.client.cancel(transfer) }
                self.answer(response, body, chunks: chunks, reply)
                return true
            },
            done: { result in
                transfer = nil
                switch result {
                case .success(let response): self.answer(response, body, chunks: chunks, reply)
                case .failure(let failure): reply.call.fail(failure.error(isWrite: false))
                }
            })
    }

    private func answer(_ response: HTTPResponse, _ body: [UInt8], chunks: Int, _ reply: SecretReply) {
        func digits(_ number: Int) -> [UInt8] {
            var text: [UInt8] = []
            Decimal.append(Int64(number), to: &text)
            return text
        }
        var pairs: [([UInt8], [UInt8])] = [
            (Str("status").array, digits(response.status)), (Str("body").array, body), (Str("chunks").array, digits(chunks)),
        ]
        for header in response.headers { pairs.append((Str("head.").array + header.name, header.value)) }
        PairList.with(pairs) { list in
            let start = list.items?.assumingMemoryBound(to: octavo_pair.self)
            reply.pairs(UnsafeBufferPointer(start: start, count: Int(list.count)))
        }
    }

    private func text(_ bytes: ArraySlice<UInt8>) -> String { String(decoding: bytes, as: UTF8.self) }
}
