import PluginKit

/// A value as version 2 of Dapr's store has it: a message of protocol buffers with the data (1), when it was written (2, a
/// Timestamp) and for how long it lives (3, a Duration; one of 0 s means for ever).
enum StoredValue {
    static func encode(_ data: Str, ttl nanoseconds: Int64) -> [UInt8] {
        var text: [UInt8] = []
        field(1, data.raw, to: &text)
        let now = plugin_kit_wall()
        field(2, time(now), to: &text)
        if nanoseconds > 0 { field(3, time(nanoseconds), to: &text) }
        return text
    }

    private static func varint(_ value: UInt64, to text: inout [UInt8]) {
        var rest = value
        while rest >= 0x80 {
            text.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        text.append(UInt8(rest))
    }

    private static func field(_ number: UInt8, _ bytes: some Collection<UInt8>, to text: inout [UInt8]) {
        text.append(number << 3 | 2)
        varint(UInt64(bytes.count), to: &text)
        text.append(contentsOf: bytes)
    }

    private static func time(_ nanoseconds: Int64) -> [UInt8] {
        var text: [UInt8] = [0x08]
        varint(UInt64(nanoseconds / 1_000_000_000), to: &text)
        if nanoseconds % 1_000_000_000 > 0 {
            text.append(0x10)
            varint(UInt64(nanoseconds % 1_000_000_000), to: &text)
        }
        return text
    }

    struct Decoded {
        var data: Range<Int> = 0..<0
        /// Nanoseconds since 1970; 0 = never.
        var expires: Int64 = 0
        var isExpired: Bool { expires > 0 && expires <= plugin_kit_wall() }
    }

    /// `nil`: it is no such message.
    static func decode(_ text: [UInt8]) -> Decoded? {
        var decoded = Decoded(), written: Int64 = 0, ttl: Int64 = 0, at = 0
        while at < text.count {
            guard let tag = varint(text, &at, text.count) else { return nil }
            switch tag & 7 {
            case 0: guard varint(text, &at, text.count) != nil else { return nil }
            case 1: at += 8
            case 5: at += 4
            case 2:
                guard let size = varint(text, &at, text.count), size <= UInt64(text.count - at) else { return nil }
                let inside = at..<at + Int(size)
                at = inside.upperBound
                switch tag >> 3 {
                case 1: decoded.data = inside
                case 2: written = time(text, inside)
                case 3: ttl = time(text, inside)
                default: break
                }
            default: return nil
            }
            if at > text.count { return nil }
        }
        let (sum, overflow) = written.addingReportingOverflow(ttl)
        decoded.expires = ttl > 0 && !overflow ? sum : 0
        return decoded
    }

    private static func varint(_ text: [UInt8], _ at: inout Int, _ end: Int) -> UInt64? {
        var value: UInt64 = 0, shift: UInt64 = 0
        while at < end, shift < 64 {
            let byte = text[at]
            at += 1
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
            shift += 7
        }
        return nil
    }

    private static func time(_ text: [UInt8], _ range: Range<Int>) -> Int64 {
        var at = range.lowerBound, seconds: Int64 = 0, nanoseconds: Int64 = 0
        while at < range.upperBound, let tag = varint(text, &at, range.upperBound), let value = varint(text, &at, range.upperBound) {
            if tag == 0x08 { seconds = min(max(Int64(truncatingIfNeeded: value), 0), 9_000_000_000) }
            if tag == 0x10 { nanoseconds = min(max(Int64(truncatingIfNeeded: value), 0), 999_999_999) }
        }
        return seconds * 1_000_000_000 + nanoseconds
    }
}
