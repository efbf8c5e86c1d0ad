/// A duration as Dapr's settings have it: "1h30m", "10s", "1.5h", "300ms".
public enum GoDuration {
    private static let units: [(StaticString, Double)] = [
        ("h", 3.6e12), ("m", 6e10), ("s", 1e9), ("ms", 1e6), ("us", 1e3), ("µs", 1e3), ("ns", 1),
    ]

    /// Nanoseconds; nil when the text is no duration, or a negative one.
    public static func parse(_ text: [UInt8]) -> Int64? {
        var at = 0, total = 0.0
        guard !text.isEmpty else { return nil }
        while at < text.count {
            var value = 0.0, scale = 0.0, digits = 0
            while at < text.count, text[at] >= 0x30 && text[at] <= 0x39 || text[at] == 0x2e {
                if text[at] == 0x2e {
                    if scale != 0 { return nil }
                    scale = 1
                } else {
                    value = value * 10 + Double(text[at] - 0x30)
                    if scale != 0 { scale *= 10 }
                    digits += 1
                }
                at += 1
            }
            let from = at
            while at < text.count, !(text[at] >= 0x30 && text[at] <= 0x39), text[at] != 0x2e { at += 1 }
            guard digits > 0, let factor = factor(text[from..<at]) else { return nil }
            total += value / max(scale, 1) * factor
        }
        return total < 9e18 ? Int64(total) : nil
    }

    private static func factor(_ unit: ArraySlice<UInt8>) -> Double? {
        for (name, factor) in units where name.utf8CodeUnitCount == unit.count {
            var isSame = true
            for (index, byte) in unit.enumerated() where byte != name.utf8Start[index] { isSame = false }
            if isSame { return factor }
        }
        return nil
    }
}
