/// Durations as Go writes them: `1h2m3.5s`, `500ms`, `10us`, `-1s`, `0`. Source: Go's `time.ParseDuration`.
package enum GoDuration {
    private static let units: [(name: String, nanoseconds: UInt64)] = [
        ("ns", 1), ("us", 1_000), ("µs", 1_000), ("μs", 1_000), ("ms", 1_000_000), ("s", 1_000_000_000),
        ("m", 60_000_000_000), ("h", 3_600_000_000_000),
    ]

    /// The duration; nil when the text is none, or one beyond 292 years, which is where Go ends as well.
    ///
    /// - Parameter bareUnit: what a whole number without a unit counts, where the field allows one
    ///   (milliseconds in a Resiliency document); nil where it does not.
    package static func parse(_ text: String, bareUnit: Duration? = nil) -> Duration? {
        if text == "0" || text == "+0" || text == "-0" { return .zero }
        if let bareUnit, let count = Int64(text) {
            let unit = bareUnit.components
            let perUnit = unit.seconds * 1_000_000_000 + unit.attoseconds / 1_000_000_000
            let (product, overflow) = count.multipliedReportingOverflow(by: perUnit)
            return overflow ? nil : .nanoseconds(product)
        }
        var rest = text[...]
        let isNegative = rest.first == "-"
        if rest.first == "-" || rest.first == "+" { rest.removeFirst() }
        guard !rest.isEmpty else { return nil }
        var sum: UInt64 = 0
        while !rest.isEmpty {
            guard let part = component(&rest) else { return nil }
            let (total, overflow) = sum.addingReportingOverflow(part)
            guard !overflow, total <= UInt64(Int64.max) else { return nil }
            sum = total
        }
        return .nanoseconds(isNegative ? -Int64(sum) : Int64(sum))
    }

    /// One number and its unit, in nanoseconds, removed from the start of the text.
    private static func component(_ rest: inout Substring) -> UInt64? {
        let whole = digits(&rest)
        var fraction: Substring = ""
        if rest.first == "." {
            rest.removeFirst()
            fraction = digits(&rest)
        }
        guard !(whole.isEmpty && fraction.isEmpty), let count = whole.isEmpty ? 0 : UInt64(whole) else { return nil }
        let name = rest.prefix { $0 != "." && !("0"..."9").contains($0) }
        guard let unit = units.first(where: { $0.name == name })?.nanoseconds else { return nil }
        rest = rest.dropFirst(name.count)
        let (product, overflow) = count.multipliedReportingOverflow(by: unit)
        guard !overflow else { return nil }
        // Digits beyond the nanosecond are cut off, as Go does; 18 of them fit 128 bits with any unit.
        let kept = fraction.utf8.prefix(18)
        let scaled = kept.reduce(UInt128(0)) { $0 * 10 + UInt128($1 - 0x30) } * UInt128(unit)
        let extra = UInt64(kept.reduce(scaled) { value, _ in value / 10 })
        return product.addingReportingOverflow(extra).overflow ? nil : product + extra
    }

    private static func digits(_ rest: inout Substring) -> Substring {
        let digits = rest.prefix { ("0"..."9").contains($0) }
        rest = rest.dropFirst(digits.count)
        return digits
    }
}
