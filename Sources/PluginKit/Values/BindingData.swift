/// What bindings have in common about data and names.
public enum BindingData {
    /// The text in a JSON text; anything else as it is. An invocation over HTTP has its data as JSON. Source: Dapr's bindings.
    public static func unquoted(_ data: Bytes) -> [UInt8] {
        let raw = data.raw
        guard raw.count >= 2, raw[0] == 0x22, raw[raw.count - 1] == 0x22 else { return [UInt8](raw) }
        var text: [UInt8] = []
        text.reserveCapacity(raw.count)
        var at = 1
        let end = raw.count - 1
        func hex(_ from: Int) -> UInt32? {
            guard from + 4 <= end else { return nil }
            var value: UInt32 = 0
            for index in from..<from + 4 {
                let byte = raw[index]
                switch byte {
                case 0x30...0x39: value = value << 4 | UInt32(byte - 0x30)
                case 0x41...0x46: value = value << 4 | UInt32(byte - 0x37)
                case 0x61...0x66: value = value << 4 | UInt32(byte - 0x57)
                default: return nil
                }
            }
            return value
        }
        while at < end {
            let byte = raw[at]
            at += 1
            // A quote in between: it is no JSON text.
            if byte == 0x22 || byte < 0x20 { return [UInt8](raw) }
            guard byte == 0x5c else {
                text.append(byte)
                continue
            }
            guard at < end else { return [UInt8](raw) }
            let escape = raw[at]
            at += 1
            switch escape {
            case 0x22, 0x5c, 0x2f: text.append(escape)
            case 0x62: text.append(0x08)
            case 0x66: text.append(0x0c)
            case 0x6e: text.append(0x0a)
            case 0x72: text.append(0x0d)
            case 0x74: text.append(0x09)
            case 0x75:
                guard var scalar = hex(at) else { return [UInt8](raw) }
                at += 4
                if scalar >= 0xd800, scalar < 0xdc00, at + 6 <= end, raw[at] == 0x5c, raw[at + 1] == 0x75, let low = hex(at + 2),
                    low >= 0xdc00, low < 0xe000
                {
                    scalar = 0x10000 + (scalar - 0xd800) << 10 + (low - 0xdc00)
                    at += 6
                }
                appendUTF8(scalar >= 0xd800 && scalar < 0xe000 ? 0xfffd : scalar, to: &text)
            default: return [UInt8](raw)
            }
        }
        return text
    }

    private static func appendUTF8(_ scalar: UInt32, to text: inout [UInt8]) {
        func tail(_ shift: UInt32) -> UInt8 { UInt8(0x80 | scalar >> shift & 0x3f) }
        switch scalar {
        case 0..<0x80: text.append(UInt8(scalar))
        case 0..<0x800: text += [UInt8(0xc0 | scalar >> 6), tail(0)]
        case 0..<0x10000: text += [UInt8(0xe0 | scalar >> 12), tail(6), tail(0)]
        default: text += [UInt8(0xf0 | scalar >> 18), tail(12), tail(6), tail(0)]
        }
    }

    /// Appends the bytes as a JSON text. They should be UTF-8.
    public static func appendQuoted(_ bytes: [UInt8], to text: inout [UInt8]) {
        let digits = Array("0123456789abcdef".utf8)
        text.append(0x22)
        for byte in bytes {
            switch byte {
            case 0x22, 0x5c: text += [0x5c, byte]
            case 0..<0x20: text += [0x5c, 0x75, 0x30, 0x30, digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            default: text.append(byte)
            }
        }
        text.append(0x22)
    }

    /// What the bytes are the Base64 of, with its padding; nil when they are none.
    public static func base64(_ bytes: [UInt8]) -> [UInt8]? {
        guard bytes.count % 4 == 0 else { return nil }
        var decoded = [UInt8](repeating: 0, count: bytes.count / 4 * 3 + 3)
        let size = bytes.withUnsafeBytes { from in decoded.withUnsafeMutableBufferPointer { Base64.decode(from, to: $0.baseAddress!) } }
        guard let size else { return nil }
        decoded.removeLast(decoded.count - size)
        return decoded
    }

    /// Whether a flag in the metadata of a request is set.
    public static func isTrue(_ text: Str) -> Bool {
        for word in ["true", "True", "TRUE", "1", "y", "yes", "on", "t"] as [StaticString] where text.equals(word) { return true }
        return false
    }

    /// A new random UUID as text.
    public static func uuid() -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 16)
        bytes.withUnsafeMutableBytes { Host.random($0) }
        bytes[6] = bytes[6] & 0x0f | 0x40
        bytes[8] = bytes[8] & 0x3f | 0x80
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        for (index, byte) in bytes.enumerated() {
            if [4, 6, 8, 10].contains(index) { text.append(0x2d) }
            text += [digits[Int(byte >> 4)], digits[Int(byte & 15)]]
        }
        return text
    }
}
