import Arguments

/// A length of time as a flag, as Go writes it: `300ms`, `1.5h`, `2h45m`. A number without a unit is seconds.
struct TimeSpan: ExpressibleByArgument, Equatable {
    let duration: Duration

    init?(argument: String) {
        guard let nanoseconds = Self.nanoseconds(argument) else { return nil }
        duration = .nanoseconds(nanoseconds)
    }

    /// Longest unit name first, so that `ms` is not read as `m`.
    private static let units: [(String, Double)] = [
        ("ns", 1), ("us", 1e3), ("µs", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 60e9), ("h", 3_600e9), ("d", 86_400e9),
    ]

    private static func nanoseconds(_ text: String) -> Int64? {
        var rest = Substring(text)
        var total = 0.0
        if rest.isEmpty { return nil }
        while !rest.isEmpty {
            let digits = rest.prefix { ("0"..."9").contains($0) || $0 == "." }
            guard let number = Double(digits) else { return nil }
            rest = rest.dropFirst(digits.count)
            if rest.isEmpty, digits.count == text.count {
                total = number * 1e9
            } else {
                guard let (name, unit) = units.first(where: { rest.hasPrefix($0.0) }) else { return nil }
                total += number * unit
                rest = rest.dropFirst(name.count)
            }
        }
        // Some 290 years fit 64 bits; nobody waits for one.
        return total <= 3.2e16 ? Int64(total) : nil
    }
}
