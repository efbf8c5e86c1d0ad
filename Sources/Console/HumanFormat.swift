/// Quantities as people say them: `3m 20s`, `14.2 MB`, `12 µs`, `1,204,331`.
package enum HumanFormat {
    /// A length of time: two units above a minute, one number below.
    package static func duration(nanoseconds: Int64) -> String {
        if nanoseconds < 0 { return "-" + duration(nanoseconds: nanoseconds == .min ? .max : -nanoseconds) }
        let units: [(limit: Int64, unit: Int64, name: String)] = [
            (1_000, 1, "ns"), (1_000_000, 1_000, "µs"), (1_000_000_000, 1_000_000, "ms"),
            (60_000_000_000, 1_000_000_000, "s"),
        ]
        for (index, (limit, unit, name)) in units.enumerated() where nanoseconds < limit {
            let text = threeDigits(nanoseconds, unit: unit)
            // 999.9 µs is 1 ms, 59.99 s is a minute.
            if index + 1 < units.count, text == "1000" { return "1 " + units[index + 1].name }
            if index + 1 == units.count, text == "60" { break }
            return text + " " + name
        }
        let seconds = rounded(nanoseconds, to: 1_000_000_000)
        let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60)
        if days > 0 { return joined(days, "d", hours, "h") }
        if hours > 0 { return joined(hours, "h", minutes, "m") }
        return joined(minutes, "m", seconds % 60, "s")
    }

    /// A length of time, seconds.
    package static func duration(seconds: Double) -> String {
        guard seconds.isFinite, abs(seconds) < 9e9 else { return "?" }
        return duration(nanoseconds: Int64(seconds * 1e9))
    }

    /// A size in bytes, in powers of 1,000.
    package static func bytes(_ count: Int64) -> String {
        if count < 0 { return "-" + bytes(count == .min ? .max : -count) }
        if count < 1_000 { return "\(count) B" }
        let names = ["kB", "MB", "GB", "TB", "PB", "EB"]
        var unit: Int64 = 1_000
        for (index, name) in names.enumerated() {
            let isLast = index + 1 == names.count
            if isLast || count / 1_000 < unit {
                let text = threeDigits(count, unit: unit)
                return !isLast && text == "1000" ? "1 " + names[index + 1] : text + " " + name
            }
            unit *= 1_000
        }
        return "\(count) B"
    }

    /// A number with a comma between thousands.
    package static func count(_ number: Int64) -> String {
        let digits = String(number.magnitude)
        var result = number < 0 ? "-" : ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index) % 3 == 0 { result.append(",") }
            result.append(digit)
        }
        return result
    }

    /// `1 plugin`, `3 plugins`.
    package static func count(_ number: Int, _ noun: String, plural: String? = nil) -> String {
        "\(count(Int64(number))) " + (number == 1 ? noun : plural ?? noun + "s")
    }

    /// `value / unit` with up to three significant digits and no zeros after the point.
    private static func threeDigits(_ value: Int64, unit: Int64) -> String {
        let whole = value / unit
        if unit == 1 || whole >= 100 { return String(rounded(value, to: unit)) }
        // One decimal from 10 on, two below it.
        let scale: Int64 = whole >= 10 ? 10 : 100
        let scaled = rounded(value, to: unit / scale)
        var fraction = String(scaled % scale)
        fraction = String(repeating: "0", count: (scale == 10 ? 1 : 2) - fraction.count) + fraction
        while fraction.last == "0" { fraction.removeLast() }
        return fraction.isEmpty ? "\(scaled / scale)" : "\(scaled / scale).\(fraction)"
    }

    private static func rounded(_ value: Int64, to step: Int64) -> Int64 {
        value / step + (value % step > (step - 1) / 2 ? 1 : 0)
    }

    private static func joined(_ big: Int64, _ bigUnit: String, _ small: Int64, _ smallUnit: String) -> String {
        small == 0 ? "\(big)\(bigUnit)" : "\(big)\(bigUnit) \(small)\(smallUnit)"
    }
}
