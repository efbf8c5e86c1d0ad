import AWSPluginNative
import PluginHTTP
import PluginKit

/// Where a bucket is and who asks, out of a component's settings and the environment.
struct S3Settings {
    let bucket: [UInt8]
    let signer: SignatureV4
    /// "https://host:port" and the host as it is signed, which has no port when that is the scheme's own.
    let base: [UInt8]
    let host: [UInt8]
    /// Before the key in a path: "/", or "/bucket/".
    let root: [UInt8]

    init(_ config: Config) throws(PluginError) {
        bucket = config.text("bucket").array
        guard bucket.allSatisfy(Self.isBucketLetter) else {
            throw .invalid("The bucket \"\(config.text("bucket").string)\" can't be right: names have letters, digits, points, - and _.")
        }
        let credentials = try Self.credentials(config)
        let endpoint = config.text("endpoint").array
        var region = config.text("region").array
        if region.isEmpty { region = Self.environment("AWS_REGION") }
        if region.isEmpty { region = Self.environment("AWS_DEFAULT_REGION") }
        if region.isEmpty {
            // Other services do not mind which.
            if endpoint.isEmpty {
                throw .invalid("No region is named: give region, or AWS_REGION in the environment, or an endpoint.")
            }
            region = Array("us-east-1".utf8)
        }
        guard region.allSatisfy({ Self.isBucketLetter($0) }) else { throw .invalid("The region has a letter that none has.") }
        signer = SignatureV4(credentials: credentials, region: region)

        var isPlain = config.flag("disableSSL")
        var name: [UInt8], port = 0
        if endpoint.isEmpty {
            name = Array("s3.".utf8) + region + Array(".amazonaws.com".utf8)
            if region.starts(with: Array("cn-".utf8)) { name += Array(".cn".utf8) }
        } else {
            guard let url = endpoint.withUnsafeBytes({ ServerURL(Str($0)) }), url.path?.isEmpty ?? true, url.user == nil,
                url.host.allSatisfy({ $0 > 0x20 && $0 < 0x7f })
            else { throw .invalid("The endpoint can't be right: give a host, or a URL such as http://localhost:9000 without a path.") }
            if url.scheme.elementsEqual("http".utf8) {
                isPlain = true
            } else if url.scheme.elementsEqual("https".utf8) {
                isPlain = false
            } else if !url.scheme.isEmpty {
                throw .invalid("The endpoint must begin with http:// or https://, or be a host.")
            }
            name = url.host
            port = url.port ?? 0
        }
        let isAddress = name.contains(0x3a) || name.allSatisfy { $0 == 0x2e || $0 >= 0x30 && $0 <= 0x39 }
        if name.contains(0x3a) { name = [0x5b] + name + [0x5d] }
        if config.flag("forcePathStyle") || isAddress || !Self.isHostName(bucket, withPoints: isPlain) {
            root = [0x2f] + bucket + [0x2f]
        } else {
            root = [0x2f]
            name = bucket + [0x2e] + name
        }
        if port != 0, port != (isPlain ? 80 : 443) { name += [0x3a] + SignatureV4.decimal(Int64(port)) }
        host = name
        base = Array((isPlain ? "http://" : "https://").utf8) + name
    }

    /// The escaped path of a key, or of the bucket.
    func path(_ key: [UInt8]) -> [UInt8] { root + SignatureV4.escaped(key, isPath: true) }

    private static func credentials(_ config: Config) throws(PluginError) -> AWSCredentials {
        var found = AWSCredentials(
            accessKey: config.text("accessKey").array, secretKey: config.text("secretKey").array, token: config.text("sessionToken").array)
        if found.accessKey.isEmpty != found.secretKey.isEmpty {
            throw .invalid("accessKey and secretKey belong together: give both, or none and AWS_ACCESS_KEY_ID in the environment.")
        }
        if found.accessKey.isEmpty {
            found = AWSCredentials(
                accessKey: environment("AWS_ACCESS_KEY_ID"), secretKey: environment("AWS_SECRET_ACCESS_KEY"),
                token: environment("AWS_SESSION_TOKEN"))
        }
        if found.accessKey.isEmpty || found.secretKey.isEmpty {
            throw .invalid(
                "There are no credentials: give accessKey and secretKey, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment of the runtime.")
        }
        return found
    }

    private static func environment(_ name: StaticString) -> [UInt8] {
        guard let value = getenv(UnsafeRawPointer(name.utf8Start).assumingMemoryBound(to: CChar.self)) else { return [] }
        return [UInt8](UnsafeRawBufferPointer(start: value, count: strlen(value)))
    }

    private static func isBucketLetter(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x2d, 0x2e, 0x5f: true
        default: false
        }
    }

    /// Whether a bucket can be part of a host's name; the certificate of AWS is for one name without points.
    private static func isHostName(_ bucket: [UInt8], withPoints: Bool) -> Bool {
        bucket.count >= 3 && bucket.count <= 63
            && bucket.allSatisfy { $0 >= 0x61 && $0 <= 0x7a || $0 >= 0x30 && $0 <= 0x39 || $0 == 0x2d || withPoints && $0 == 0x2e }
    }
}
