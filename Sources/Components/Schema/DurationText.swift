/// Durations as Go writes them: `1h2m3.5s`, `500ms`, `10us`, `-1s`; or a bare whole number in a unit
/// that the setting names. Source of the syntax: Go's `time.ParseDuration`.
package enum DurationText {
    private static let units: [(String, Double)] = [
        ("ns", 1), ("us", 1e3), ("µs", 1e3), ("μs", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 60e9), ("h", 3600e9),
    ]

    /// `nil` when the text is no duration, or one beyond 292 years.
    package static func nanoseconds(_ text: String, bareUnit: Int64) -> Int64? {
        if let bare = Int64(text) {
            let (product, overflow) = bare.multipliedReportingOverflow(by: bareUnit)
            return overflow ? nil : product
        }
        var rest = text[...]
        var sign = 1.0
        if rest.first == "-" || rest.first == "+" { sign = rest.removeFirst() == "-" ? -1 : 1 }
        guard !rest.isEmpty else { return nil }
        var sum = 0.0
        while !rest.isEmpty {
            let digits = rest.prefix { $0 == "." || ("0"..."9").contains($0) }
            guard let number = Double(digits) else { return nil }
            rest = rest.dropFirst(digits.count)
            let name = rest.prefix { $0 != "." && !("0"..."9").contains($0) }
            guard let unit = units.first(where: { $0.0 == name }) else { return nil }
            rest = rest.dropFirst(name.count)
            sum += number * unit.1
        }
        sum *= sign
        return abs(sum) < 9.2e18 ? Int64(sum.rounded()) : nil
    }
}

/// Sizes in bytes: `1048576`, `4Mi`, `4MiB`, `512k`, `1.5G`.
package enum ByteSizeText {
    private static let units: [(String, Double)] = [
        ("", 1), ("b", 1), ("k", 1e3), ("kb", 1e3), ("ki", 1024), ("kib", 1024), ("m", 1e6), ("mb", 1e6),
        ("mi", 1_048_576), ("mib", 1_048_576), ("g", 1e9), ("gb", 1e9), ("gi", 1_073_741_824),
        ("gib", 1_073_741_824), ("t", 1e12), ("tb", 1e12), ("ti", 1_099_511_627_776), ("tib", 1_099_511_627_776),
    ]

    /// `nil` when the text is no size, or not one that fits 63 bits.
    package static func bytes(_ text: String) -> Int64? {
        let digits = text.prefix { $0 == "." || ("0"..."9").contains($0) }
        let name = text.dropFirst(digits.count).drop { $0 == " " }.lowercased()
        guard let number = Double(digits), let unit = units.first(where: { $0.0 == name }) else { return nil }
        let bytes = number * unit.1
        return bytes < 9.2e18 ? Int64(bytes.rounded()) : nil
    }
}
