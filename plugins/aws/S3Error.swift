import PluginHTTP
import PluginKit

/// What S3 says when it refuses something.
struct S3Error {
    let status: Int
    /// "NoSuchKey"; empty when the answer has none.
    private(set) var code: [UInt8] = []
    private(set) var message: [UInt8] = []
    /// The region where the bucket is, when the request went to another one.
    private(set) var region: [UInt8] = []

    init(_ response: HTTPResponse) {
        status = response.status
        region = response.header("x-amz-bucket-region") ?? []
        var code: [UInt8] = [], message: [UInt8] = [], region: [UInt8] = []
        let isXML = XMLReader.read(response.body) { path, text in
            guard path.count == 2, path[0].elementsEqual("Error".utf8) else { return }
            if path[1].elementsEqual("Code".utf8) { code = text }
            if path[1].elementsEqual("Message".utf8) { message = text }
            if path[1].elementsEqual("Region".utf8) { region = text }
        }
        guard isXML else { return }
        self.code = [UInt8](code.prefix(100))
        self.message = [UInt8](message.prefix(500))
        if !region.isEmpty { self.region = [UInt8](region.prefix(100)) }
    }

    private func isAny(_ names: [StaticString]) -> Bool {
        code.withUnsafeBytes { code in names.contains { Str(code).equals($0) } }
    }

    func error(key: [UInt8], bucket: [UInt8]) -> PluginError {
        let bucket = String(decoding: bucket, as: UTF8.self)
        var said = "S3 answered with \(status)"
        if !code.isEmpty { said += " \(String(decoding: code, as: UTF8.self))" }
        if !message.isEmpty {
            var text = message
            while text.last == 0x2e || text.last == 0x20 { text.removeLast() }
            said += ": \(String(decoding: text, as: UTF8.self))"
        }
        said += "."
        if isAny(["NoSuchKey"]) || status == 404 && code.isEmpty {
            let key = String(decoding: key, as: UTF8.self)
            return PluginError(OCTAVO_CODE_NOT_FOUND, "object not found: bucket \(bucket) has no \(key). \(said)")
        }
        if isAny(["NoSuchBucket"]) {
            return PluginError(OCTAVO_CODE_NOT_FOUND, "There is no bucket \(bucket): create it, or correct bucket or endpoint. \(said)")
        }
        if isAny(["SignatureDoesNotMatch"]) {
            return PluginError(OCTAVO_CODE_UNAUTHENTICATED, "The secretKey does not belong to the accessKey, or something between here and S3 changes requests. \(said)")
        }
        if isAny(["InvalidAccessKeyId", "InvalidClientTokenId"]) {
            return PluginError(OCTAVO_CODE_UNAUTHENTICATED, "The accessKey is not known there. \(said)")
        }
        if isAny(["ExpiredToken", "InvalidToken", "TokenRefreshRequired"]) {
            return PluginError(OCTAVO_CODE_UNAUTHENTICATED, "The sessionToken is not valid, or not any more. \(said)")
        }
        if isAny(["RequestTimeTooSkewed"]) {
            return PluginError(OCTAVO_CODE_UNAUTHENTICATED, "The clock of this machine is wrong. \(said)")
        }
        if (300..<400).contains(status) || isAny(["AuthorizationHeaderMalformed", "IllegalLocationConstraintException"]) {
            let place = region.isEmpty ? "another region" : "the region \(String(decoding: region, as: UTF8.self))"
            return PluginError(OCTAVO_CODE_FAILED_PRECONDITION, "The bucket \(bucket) is in \(place): correct region or endpoint. \(said)")
        }
        if isAny(["SlowDown", "RequestLimitExceeded"]) || status == 429 {
            return PluginError(
                OCTAVO_CODE_UNAVAILABLE, "S3 wants fewer requests at a time. \(said)", flags: OCTAVO_ERROR_RETRYABLE | OCTAVO_ERROR_THROTTLED)
        }
        if status >= 500 {
            return PluginError(OCTAVO_CODE_UNAVAILABLE, said, flags: OCTAVO_ERROR_RETRYABLE)
        }
        let known: Int32 =
            switch status {
            case 401: OCTAVO_CODE_UNAUTHENTICATED
            case 403: OCTAVO_CODE_PERMISSION_DENIED
            case 400: OCTAVO_CODE_INVALID_ARGUMENT
            default: OCTAVO_CODE_FAILED_PRECONDITION
            }
        return PluginError(known, status == 403 ? "The accessKey may not do this in bucket \(bucket). \(said)" : said)
    }
}
