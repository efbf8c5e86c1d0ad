/// How `grpc-message` carries text (gRPC: PROTOCOL-HTTP2.md, Status-Message): printable ASCII but `%` as it is, the
/// rest as `%XX` of its UTF-8.
enum PercentEncoding {
    /// Encodes `text`, cut before the character whose encoding would exceed `limit` bytes.
    static func encode(_ text: String, limit: Int) -> String {
        if text.utf8.count <= limit, text.utf8.allSatisfy(isPlain) { return text }
        var result: [UInt8] = []
        result.reserveCapacity(min(limit, text.utf8.count * 2))
        for scalar in text.unicodeScalars {
            let start = result.count
            for byte in UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter {
                if isPlain(byte) {
                    result.append(byte)
                } else {
                    result.append(contentsOf: [0x25, hex(byte >> 4), hex(byte & 15)])
                }
            }
            if result.count > limit {
                result.removeLast(result.count - start)
                break
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// Decodes what a peer sent; a `%` without two digits stays as it is, and bytes that are not UTF-8 are repaired.
    static func decode(_ bytes: UnsafeRawBufferPointer) -> String {
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        var index = 0
        while index < bytes.count {
            if bytes[index] == 0x25, index + 2 < bytes.count, let high = digit(bytes[index + 1]),
                let low = digit(bytes[index + 2])
            {
                result.append(high << 4 | low)
                index += 3
            } else {
                result.append(bytes[index])
                index += 1
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x37
        case 0x61...0x66: byte - 0x57
        default: nil
        }
    }

    private static func isPlain(_ byte: UInt8) -> Bool { byte >= 0x20 && byte <= 0x7e && byte != 0x25 }

    private static func hex(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 + value : 0x37 + value }
}
