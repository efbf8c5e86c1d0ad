import AWSPluginNative

/// Who signs. The secrets stay here and in the environment that they came from.
struct AWSCredentials {
    var accessKey: [UInt8]
    var secretKey: [UInt8]
    /// Of credentials for a time.
    var token: [UInt8] = []
}

/// A point in time as AWS writes it.
struct AWSTime {
    /// "20130524T000000Z"
    let stamp: [UInt8]
    /// "20130524"
    var day: ArraySlice<UInt8> { stamp[..<8] }

    /// Seconds since 1970.
    init(seconds: Int64) {
        var text = [UInt8](repeating: 0, count: 16)
        text.withUnsafeMutableBufferPointer { aws_stamp(seconds, $0.baseAddress!) }
        stamp = text
    }
}

/// A request as it is signed.
struct AWSRequest {
    var method: [UInt8]
    /// Escaped as it is sent, beginning with a slash.
    var path: [UInt8]
    /// Not escaped.
    var query: [(name: [UInt8], value: [UInt8])] = []
    /// Names in small letters, `host` among them. All are signed.
    var headers: [(name: [UInt8], value: [UInt8])] = []
    /// SHA-256 of the body in hexadecimal digits, or `SignatureV4.unsigned`.
    var payload: [UInt8]
}

/// AWS Signature Version 4 for S3. Pure: it knows no clock.
struct SignatureV4 {
    let credentials: AWSCredentials
    let region: [UInt8]

    static let unsigned = Array("UNSIGNED-PAYLOAD".utf8)

    /// The value of the header `authorization`.
    func authorization(_ request: AWSRequest, at time: AWSTime) -> [UInt8] {
        let scope = self.scope(time)
        var text = Array("AWS4-HMAC-SHA256 Credential=".utf8)
        text += credentials.accessKey
        text.append(0x2f)
        text += scope
        text += Array(", SignedHeaders=".utf8)
        text += Self.names(request.headers)
        text += Array(", Signature=".utf8)
        text += signature(request, scope, time)
        return text
    }

    /// A query with which `path` can be got, by whoever has it, for so many seconds.
    func presigned(path: [UInt8], host: [UInt8], seconds: Int64, at time: AWSTime) -> [UInt8] {
        let scope = self.scope(time)
        var query: [(name: [UInt8], value: [UInt8])] = [
            (Array("X-Amz-Algorithm".utf8), Array("AWS4-HMAC-SHA256".utf8)),
            (Array("X-Amz-Credential".utf8), credentials.accessKey + [0x2f] + scope),
            (Array("X-Amz-Date".utf8), time.stamp),
            (Array("X-Amz-Expires".utf8), Self.decimal(seconds)),
            (Array("X-Amz-SignedHeaders".utf8), Array("host".utf8)),
        ]
        if !credentials.token.isEmpty { query.append((Array("X-Amz-Security-Token".utf8), credentials.token)) }
        let request = AWSRequest(
            method: Array("GET".utf8), path: path, query: query, headers: [(Array("host".utf8), host)], payload: Self.unsigned)
        var text = Self.canonical(query)
        text += Array("&X-Amz-Signature=".utf8)
        text += signature(request, scope, time)
        return text
    }

    private func scope(_ time: AWSTime) -> [UInt8] {
        var text = [UInt8](time.day)
        text.append(0x2f)
        text += region
        text += Array("/s3/aws4_request".utf8)
        return text
    }

    private func signature(_ request: AWSRequest, _ scope: [UInt8], _ time: AWSTime) -> [UInt8] {
        var text = request.method
        text.append(0x0a)
        text += request.path
        text.append(0x0a)
        text += Self.canonical(request.query)
        text.append(0x0a)
        for header in Self.sorted(request.headers) {
            text += header.name
            text.append(0x3a)
            text += Self.trimmed(header.value)
            text.append(0x0a)
        }
        text.append(0x0a)
        text += Self.names(request.headers)
        text.append(0x0a)
        text += request.payload

        var signed = Array("AWS4-HMAC-SHA256\n".utf8)
        signed += time.stamp
        signed.append(0x0a)
        signed += scope
        signed.append(0x0a)
        signed += Self.hex(Self.hash(text))

        var key = Array("AWS4".utf8) + credentials.secretKey
        key = Self.keyed(key, [UInt8](time.day))
        key = Self.keyed(key, region)
        key = Self.keyed(key, Array("s3".utf8))
        key = Self.keyed(key, Array("aws4_request".utf8))
        return Self.hex(Self.keyed(key, signed))
    }

    // MARK: Pieces

    static func hash(_ bytes: [UInt8]) -> [UInt8] {
        var out = [UInt8](repeating: 0, count: 32)
        bytes.withUnsafeBytes { from in out.withUnsafeMutableBufferPointer { _ = aws_sha256(from.baseAddress, from.count, $0.baseAddress!) } }
        return out
    }

    static func keyed(_ key: [UInt8], _ bytes: [UInt8]) -> [UInt8] {
        var out = [UInt8](repeating: 0, count: 32)
        key.withUnsafeBytes { key in
            bytes.withUnsafeBytes { from in
                out.withUnsafeMutableBufferPointer { _ = aws_hmac_sha256(key.baseAddress, key.count, from.baseAddress, from.count, $0.baseAddress!) }
            }
        }
        return out
    }

    static func hex(_ bytes: [UInt8]) -> [UInt8] {
        func digit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 + value : 0x57 + value }
        var text: [UInt8] = []
        text.reserveCapacity(bytes.count * 2)
        for byte in bytes { text += [digit(byte >> 4), digit(byte & 15)] }
        return text
    }

    /// Everything but letters, digits and -._~ as %XX; slashes stay in a path.
    static func escaped(_ bytes: [UInt8], isPath: Bool) -> [UInt8] {
        func digit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 + value : 0x37 + value }
        var text: [UInt8] = []
        text.reserveCapacity(bytes.count + 16)
        for byte in bytes {
            switch byte {
            case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x2d, 0x2e, 0x5f, 0x7e: text.append(byte)
            case 0x2f where isPath: text.append(byte)
            default: text += [0x25, digit(byte >> 4), digit(byte & 15)]
            }
        }
        return text
    }

    /// A query as it is sent and signed: escaped, and in the order of the escaped names.
    static func canonical(_ query: [(name: [UInt8], value: [UInt8])]) -> [UInt8] {
        let pairs = sorted(query.map { (name: escaped($0.name, isPath: false), value: escaped($0.value, isPath: false)) })
        var text: [UInt8] = []
        for pair in pairs {
            if !text.isEmpty { text.append(0x26) }
            text += pair.name
            text.append(0x3d)
            text += pair.value
        }
        return text
    }

    static func decimal(_ number: Int64) -> [UInt8] {
        var digits: [UInt8] = [], rest = max(number, 0)
        repeat {
            digits.insert(0x30 + UInt8(rest % 10), at: 0)
            rest /= 10
        } while rest > 0
        return digits
    }

    private static func sorted(_ pairs: [(name: [UInt8], value: [UInt8])]) -> [(name: [UInt8], value: [UInt8])] {
        pairs.sorted { $0.name.elementsEqual($1.name) ? $0.value.lexicographicallyPrecedes($1.value) : $0.name.lexicographicallyPrecedes($1.name) }
    }

    private static func names(_ headers: [(name: [UInt8], value: [UInt8])]) -> [UInt8] {
        var text: [UInt8] = []
        for header in sorted(headers) {
            if !text.isEmpty { text.append(0x3b) }
            text += header.name
        }
        return text
    }

    /// Without blanks at the ends, and one blank for several.
    private static func trimmed(_ value: [UInt8]) -> [UInt8] {
        var text: [UInt8] = []
        for byte in value {
            if byte == 0x20 || byte == 0x09 {
                if let last = text.last, last != 0x20 { text.append(0x20) }
            } else {
                text.append(byte)
            }
        }
        if text.last == 0x20 { text.removeLast() }
        return text
    }
}
