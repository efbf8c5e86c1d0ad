import PluginHTTP
import PluginKit

/// `bindings.http`: requests to a server; the method is the operation. On the instance's reactor thread.
final class HTTPBinding: Binding {
    private let url: String
    private let client: HTTPClient
    private let isStrict: Bool
    private let maxBody: Int
    private let timeout: Int64
    private let token: (name: String, value: String)?
    private var open: [octavo_call: HTTPTransfer] = [:]

    init(_ config: Config, _ instance: Instance) throws(PluginError) {
        url = config.string("url") ?? ""
        var options = HTTPOptions()
        options.connectTimeout = 15_000_000_000
        options.redirects = 10
        options.tls.authority = config.string("MTLSRootCA")
        options.tls.certificate = config.string("MTLSClientCert")
        options.tls.key = config.string("MTLSClientKey")
        client = HTTPClient(instance, options)
        isStrict = config.flag("errorIfNot2XX")
        let size = config.integer("maxResponseBodySize") ?? 0
        maxBody = size > 0 ? Int(size) : .max
        timeout = config.duration("responseTimeout") ?? 0
        if let value = config.string("securityToken"), let name = config.string("securityTokenHeader") {
            token = (name, value)
        } else {
            token = nil
        }
        super.init(instance, Features(OCTAVO_BINDING_OUTPUT))
    }

    override func start(_ call: Call) throws(PluginError) {
        try client.open()
        call.done()
    }

    override func stop(_ call: Call) throws(PluginError) {
        client.close()
        call.done()
    }

    override func cancel(_ call: Call) {
        guard let transfer = open.removeValue(forKey: call.id) else { return }
        client.cancel(transfer)
        call.fail(PluginError(OCTAVO_CODE_CANCELLED, "Nobody waits for the answer any more."))
    }

    private static let methods: [StaticString] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]

    /// The method of an operation; `create` is POST, as in Dapr.
    private static func method(_ operation: Str) throws(PluginError) -> StaticString {
        let capitals = operation.array.map { $0 >= 0x61 && $0 <= 0x7a ? $0 - 0x20 : $0 }
        let found = capitals.withUnsafeBytes { bytes in
            let text = Str(bytes)
            if text.equals("CREATE") { return 2 }
            return methods.firstIndex { text.equals($0) } ?? -1
        }
        guard found >= 0 else { throw Binding.unknownOperation(operation, "create, get, head, post, put, patch, delete, options and trace") }
        return methods[found]
    }

    override func invoke(_ request: UnsafePointer<octavo_binding_invoke_request>, _ reply: InvokeReply) throws(PluginError) {
        let method = try Self.method(request.pointee.operation), metadata = request.pointee.head.metadata
        let name = Str(method)
        let takesBody = name.equals("POST") || name.equals("PUT") || name.equals("PATCH")
        var asked = HTTPRequest(name.string, target(metadata.pair("path")), body: takesBody ? [UInt8](request.pointee.data.raw) : nil)
        asked.maxBody = maxBody
        asked.timeout = timeout
        var hasType = false, hasAccept = false
        for index in 0..<Int(metadata.count) {
            let pair = metadata.at(index, as: octavo_pair.self).pointee
            guard let first = pair.name.raw.first else { continue }
            // Names that begin with a capital are headers.
            let isTrace = pair.name.equals("traceparent") || pair.name.equals("tracestate") || pair.name.equals("baggage")
            guard first >= 0x41 && first <= 0x5a || isTrace else { continue }
            if pair.name.equals("Content-Type") { hasType = true }
            if pair.name.equals("Accept") { hasAccept = true }
            asked.headers.append((pair.name.string, pair.value.string))
        }
        if takesBody, !hasType { asked.headers.append(("Content-Type", "application/json; charset=utf-8")) }
        if !hasAccept { asked.headers.append(("Accept", "application/json; charset=utf-8")) }
        if let token { asked.headers.append((token.name, token.value)) }
        let written = metadata.pair("errorIfNot2XX")
        let isStrict = written.isEmpty ? self.isStrict : BindingData.isTrue(written)
        let isWrite = !(name.equals("GET") || name.equals("HEAD") || name.equals("OPTIONS") || name.equals("TRACE"))
        let id = reply.call.id
        open[id] = try client.send(asked) { [unowned(unsafe) self] result in
            guard self.open.removeValue(forKey: id) != nil else { return }
            switch result {
            case .failure(let failure): reply.call.fail(failure.error(isWrite: isWrite))
            case .success(let response): Self.answer(response, isStrict, reply)
            }
        }
    }

    private func target(_ path: Str) -> String {
        if path.isEmpty { return url }
        var base = [UInt8](url.utf8), rest = path.array[...]
        while base.last == 0x2f { base.removeLast() }
        while rest.first == 0x2f { rest.removeFirst() }
        return String(decoding: base + [0x2f] + rest, as: UTF8.self)
    }

    private static func answer(_ response: HTTPResponse, _ isStrict: Bool, _ reply: InvokeReply) {
        guard !isStrict || response.isSuccess else {
            let code =
                switch response.status {
                case 404: OCTAVO_CODE_NOT_FOUND
                case 401: OCTAVO_CODE_UNAUTHENTICATED
                case 403: OCTAVO_CODE_PERMISSION_DENIED
                default: OCTAVO_CODE_FAILED_PRECONDITION
                }
            // Source: RFC 9110 §15, of which these may be otherwise the next time.
            let mayPass = response.status >= 500 && response.status != 501 || response.status == 429 || response.status == 408
            return reply.call.fail(
                PluginError(
                    code, "received status code \(response.status). With errorIfNot2XX: false in the metadata it is an answer like others.",
                    flags: mayPass ? OCTAVO_ERROR_RETRYABLE : 0))
        }
        var metadata: [([UInt8], [UInt8])] = []
        var status: [UInt8] = []
        Decimal.append(Int64(response.status), to: &status)
        metadata.append((Array("statusCode".utf8), status))
        metadata.append((Array("status".utf8), status))
        for header in response.headers {
            // Several of one name are one, with commas.
            if let known = metadata.firstIndex(where: { $0.0.elementsEqual(header.name) }) {
                metadata[known].1 += [0x2c, 0x20] + header.value
            } else {
                metadata.append((header.name, header.value))
            }
        }
        let type = response.header("content-type") ?? []
        type.withUnsafeBytes { type in
            response.body.withUnsafeBytes {
                reply.done($0.isEmpty ? .absent : Bytes($0), contentType: type.isEmpty ? .absent : Str(type), metadata: metadata)
            }
        }
    }
}
