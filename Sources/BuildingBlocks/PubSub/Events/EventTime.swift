import Glibc

/// Moments as CloudEvents have them: RFC 3339.
enum EventTime {
    /// Seconds since 1970.
    static func now() -> Int { time(nil) }

    /// In UTC, with whole seconds: `2026-11-23T14:30:08Z`.
    static func text(_ seconds: Int) -> String {
        var seconds = seconds
        var parts = tm()
        gmtime_r(&seconds, &parts)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(20)
        func put(_ number: Int, _ width: Int, _ after: Character) {
            var divisor = width == 4 ? 1000 : 10
            while divisor > 0 {
                bytes.append(UInt8(ascii: "0") + UInt8(number / divisor % 10))
                divisor /= 10
            }
            bytes.append(after.asciiValue.unsafelyUnwrapped)
        }
        put(Int(parts.tm_year) + 1900, 4, "-")
        put(Int(parts.tm_mon) + 1, 2, "-")
        put(Int(parts.tm_mday), 2, "T")
        put(Int(parts.tm_hour), 2, ":")
        put(Int(parts.tm_min), 2, ":")
        put(Int(parts.tm_sec), 2, "Z")
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Seconds since 1970, with any offset and fraction; `nil` when it is no such text.
    static func seconds(_ text: String) -> Int? {
        let bytes = Array(text.utf8)
        func number(_ range: Range<Int>) -> Int? {
            guard range.upperBound <= bytes.count else { return nil }
            var value = 0
            for byte in bytes[range] {
                guard (0x30...0x39).contains(byte) else { return nil }
                value = value * 10 + Int(byte - 0x30)
            }
            return value
        }
        func has(_ character: Character, _ at: Int) -> Bool { at < bytes.count && bytes[at] == character.asciiValue }
        guard let year = number(0..<4), has("-", 4), let month = number(5..<7), has("-", 7), let day = number(8..<10),
            has("T", 10) || has("t", 10), let hour = number(11..<13), has(":", 13), let minute = number(14..<16), has(":", 16),
            let second = number(17..<19), (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60, second <= 60
        else { return nil }
        var at = 19
        if has(".", at) {
            at += 1
            while at < bytes.count, (0x30...0x39).contains(bytes[at]) { at += 1 }
        }
        var offset = 0
        if has("+", at) || has("-", at) {
            guard let hours = number(at + 1..<at + 3), has(":", at + 3), let minutes = number(at + 4..<at + 6), at + 6 == bytes.count
            else { return nil }
            offset = (hours * 60 + minutes) * 60 * (has("-", at) ? -1 : 1)
        } else {
            guard has("Z", at) || has("z", at), at + 1 == bytes.count else { return nil }
        }
        var parts = tm()
        parts.tm_year = Int32(year - 1900)
        parts.tm_mon = Int32(month - 1)
        parts.tm_mday = Int32(day)
        parts.tm_hour = Int32(hour)
        parts.tm_min = Int32(minute)
        parts.tm_sec = Int32(second)
        return timegm(&parts) - offset
    }
}
