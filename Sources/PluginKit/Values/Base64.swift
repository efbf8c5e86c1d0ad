/// Base64 of RFC 4648 §4, with padding.
public enum Base64 {
    public static func encodedSize(_ count: Int) -> Int { (count + 2) / 3 * 4 }

    /// Writes `encodedSize(bytes.count)` bytes to `text`.
    public static func encode(_ bytes: UnsafeRawBufferPointer, to text: UnsafeMutablePointer<UInt8>) {
        let alphabet: StaticString = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        let digits = alphabet.utf8Start
        var at = 0, out = 0
        while at < bytes.count {
            let left = bytes.count - at
            let word =
                UInt32(bytes[at]) << 16 | (left > 1 ? UInt32(bytes[at + 1]) << 8 : 0) | (left > 2 ? UInt32(bytes[at + 2]) : 0)
            text[out] = digits[Int(word >> 18)]
            text[out + 1] = digits[Int(word >> 12 & 63)]
            text[out + 2] = left > 1 ? digits[Int(word >> 6 & 63)] : 0x3D
            text[out + 3] = left > 2 ? digits[Int(word & 63)] : 0x3D
            at += 3
            out += 4
        }
    }

    /// Decodes into `bytes`, which has room for three quarters of the text; the number of bytes, or `nil`
    /// when the text is not base64.
    public static func decode(_ text: UnsafeRawBufferPointer, to bytes: UnsafeMutablePointer<UInt8>) -> Int? {
        var count = text.count
        guard count % 4 == 0 else { return nil }
        while count > 0, text.count - count < 2, text[count - 1] == 0x3D { count -= 1 }
        var word: UInt32 = 0, bits = 0, out = 0
        for index in 0..<count {
            guard let value = value(text[index]) else { return nil }
            word = word << 6 | value
            bits += 6
            if bits >= 8 {
                bits -= 8
                bytes[out] = UInt8(truncatingIfNeeded: word >> UInt32(bits))
                out += 1
            }
        }
        return out
    }

    /// The bytes; `nil` when the text is not base64.
    public static func decoded(_ text: [UInt8]) -> [UInt8]? {
        var isGood = false
        let bytes = [UInt8](unsafeUninitializedCapacity: text.count / 4 * 3 + 3) { room, count in
            guard let found = text.withUnsafeBytes({ decode($0, to: room.baseAddress!) }) else { return }
            count = found
            isGood = true
        }
        return isGood ? bytes : nil
    }

    private static func value(_ digit: UInt8) -> UInt32? {
        switch digit {
        case 0x41...0x5A: UInt32(digit) - 0x41
        case 0x61...0x7A: UInt32(digit) - 0x61 + 26
        case 0x30...0x39: UInt32(digit) - 0x30 + 52
        case 0x2B: 62
        case 0x2F: 63
        default: nil
        }
    }
}
