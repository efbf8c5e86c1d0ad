/// Parts of a URL.
public enum URLText {
    /// A part of a path or of a query: all but letters, digits and - . _ ~ is escaped. With `keepsSlashes` also / stays.
    public static func escaped(_ text: some Sequence<UInt8>, keepsSlashes: Bool = false) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var out: [UInt8] = []
        for byte in text {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E: out.append(byte)
            case 0x2F where keepsSlashes: out.append(byte)
            default: out += [0x25, digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: out, as: UTF8.self)
    }

    /// Whether a path stays below where it is put: its parts between slashes are neither empty nor . nor ..
    public static func isBelow(_ path: [UInt8]) -> Bool {
        for part in path.split(separator: 0x2F, omittingEmptySubsequences: false) {
            if part.isEmpty || part.elementsEqual([0x2E]) || part.elementsEqual([0x2E, 0x2E]) { return false }
        }
        return true
    }
}
