public import PluginKit

/// Base64 with either alphabet of RFC 4648, with or without padding.
public enum Base64URL {
    /// `nil` for anything else.
    public static func decode(_ text: UnsafeRawBufferPointer) -> [UInt8]? {
        var count = text.count
        while count > 0, text.count - count < 2, text[count - 1] == 0x3D { count -= 1 }
        guard count % 4 != 1 else { return nil }
        var plain = [UInt8](repeating: 0x3D, count: (count + 3) / 4 * 4)
        for index in 0..<count {
            switch text[index] {
            case 0x2D: plain[index] = 0x2B
            case 0x5F: plain[index] = 0x2F
            // Padding belongs to the end.
            case 0x3D: return nil
            case let digit: plain[index] = digit
            }
        }
        defer { wipe(&plain) }
        var bytes = [UInt8](repeating: 0, count: plain.count / 4 * 3 + 1)
        let size = plain.withUnsafeBytes { plain in
            bytes.withUnsafeMutableBufferPointer { Base64.decode(plain, to: $0.baseAddress!) }
        }
        guard let size else { return nil }
        bytes.removeLast(bytes.count - size)
        return bytes
    }

    /// As JSON Web Keys have it (RFC 7515 §2): the other alphabet, no padding.
    public static func encode(_ bytes: UnsafeRawBufferPointer, to text: inout [UInt8]) {
        var plain = [UInt8](repeating: 0, count: Base64.encodedSize(bytes.count) + 1)
        plain.withUnsafeMutableBufferPointer { Base64.encode(bytes, to: $0.baseAddress!) }
        plain.removeLast()
        for digit in plain where digit != 0x3D { text.append(digit == 0x2B ? 0x2D : digit == 0x2F ? 0x5F : digit) }
    }
}
