/// Whether bytes are text.
public enum UTF8Check {
    /// Well-formed UTF-8 (RFC 3629) without a NUL.
    public static func isText(_ bytes: UnsafeRawBufferPointer) -> Bool {
        let count = bytes.count
        guard let start = bytes.baseAddress else { return true }
        var at = 0
        while at < count {
            // Eight ASCII bytes that are not NUL at a time.
            if count - at >= 8 {
                let word = start.loadUnaligned(fromByteOffset: at, as: UInt64.self)
                let high: UInt64 = 0x8080_8080_8080_8080
                if word & high == 0, (word &- 0x0101_0101_0101_0101) & ~word & high == 0 {
                    at += 8
                    continue
                }
            }
            let first = bytes[at]
            if first < 0x80 {
                if first == 0 { return false }
                at += 1
                continue
            }
            let more: Int
            var low: UInt8 = 0x80, top: UInt8 = 0xBF
            switch first {
            case 0xC2...0xDF: more = 1
            case 0xE0: (more, low) = (2, 0xA0)
            case 0xED: (more, top) = (2, 0x9F)
            case 0xE1...0xEF: more = 2
            case 0xF0: (more, low) = (3, 0x90)
            case 0xF1...0xF3: more = 3
            case 0xF4: (more, top) = (3, 0x8F)
            default: return false
            }
            guard count - at > more, bytes[at + 1] >= low, bytes[at + 1] <= top else { return false }
            var follow = 2
            while follow <= more {
                if bytes[at + follow] & 0xC0 != 0x80 { return false }
                follow += 1
            }
            at += more + 1
        }
        return true
    }
}
