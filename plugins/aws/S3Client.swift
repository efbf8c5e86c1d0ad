import PluginHTTP
import PluginKit

/// Requests to a bucket. On the instance's reactor thread.
final class S3Client {
    /// Of an object that is got; what a runtime can pass on is less.
    static let maxObject = 256 << 20

    let settings: S3Settings
    private let http: HTTPClient

    init(_ settings: S3Settings, _ instance: Instance, verifies: Bool) {
        self.settings = settings
        var options = HTTPOptions()
        options.connectTimeout = 15_000_000_000
        options.tls.verifies = verifies
        http = HTTPClient(instance, options)
    }

    func open() throws(PluginError) { try http.open() }
    func close() { http.close() }
    func cancel(_ transfer: HTTPTransfer) { http.cancel(transfer) }

    struct Request {
        var method: StaticString
        /// Empty: the bucket itself.
        var key: [UInt8] = []
        var query: [(name: [UInt8], value: [UInt8])] = []
        var headers: [(name: [UInt8], value: [UInt8])] = []
        var body: [UInt8]?
        var isWrite: Bool

        init(_ method: StaticString, _ key: [UInt8] = [], isWrite: Bool = false) {
            self.method = method
            self.key = key
            self.isWrite = isWrite
        }
    }

    /// Sends it, signed; `done` gets an answer of 2xx, or an error.
    func send(_ request: Request, done: @escaping (Result<HTTPResponse, PluginError>) -> Void) throws(PluginError) -> HTTPTransfer {
        let time = AWSTime(seconds: plugin_kit_wall() / 1_000_000_000)
        let payload = SignatureV4.hex(SignatureV4.hash(request.body ?? []))
        var headers = request.headers
        headers.append((Array("host".utf8), settings.host))
        headers.append((Array("x-amz-content-sha256".utf8), payload))
        headers.append((Array("x-amz-date".utf8), time.stamp))
        let token = settings.signer.credentials.token
        if !token.isEmpty { headers.append((Array("x-amz-security-token".utf8), token)) }
        let path = request.key.isEmpty ? [UInt8](settings.root.count > 1 ? settings.root.dropLast() : settings.root[...]) : settings.path(request.key)
        let signed = AWSRequest(
            method: Str(request.method).array, path: path, query: request.query, headers: headers, payload: payload)

        var url = settings.base + path
        if !request.query.isEmpty { url += [0x3f] + SignatureV4.canonical(request.query) }
        var asked = HTTPRequest(Str(request.method).string, String(decoding: url, as: UTF8.self), body: request.body)
        for header in headers where !header.name.elementsEqual("host".utf8) {
            asked.headers.append((String(decoding: header.name, as: UTF8.self), String(decoding: header.value, as: UTF8.self)))
        }
        asked.headers.append(("authorization", String(decoding: settings.signer.authorization(signed, at: time), as: UTF8.self)))
        asked.maxBody = Self.maxObject
        // As long as the caller waits, unless nothing comes or goes.
        asked.timeout = 0
        asked.silence = 60_000_000_000
        let isWrite = request.isWrite, key = request.key, bucket = settings.bucket
        return try http.send(asked) { result in
            switch result {
            case .failure(let failure): done(.failure(failure.error(isWrite: isWrite)))
            case .success(let response):
                done(response.isSuccess ? .success(response) : .failure(S3Error(response).error(key: key, bucket: bucket)))
            }
        }
    }

    /// A URL with which anybody can get an object. The time is now.
    func presigned(_ key: [UInt8], seconds: Int64) -> [UInt8] {
        let path = settings.path(key)
        let query = settings.signer.presigned(
            path: path, host: settings.host, seconds: seconds, at: AWSTime(seconds: plugin_kit_wall() / 1_000_000_000))
        return settings.base + path + [0x3f] + query
    }

    /// Where an object is.
    func location(_ key: [UInt8]) -> [UInt8] { settings.base + settings.path(key) }
}
