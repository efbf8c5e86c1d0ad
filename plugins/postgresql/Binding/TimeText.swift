import PluginKit

/// Times as Dapr's bindings write them.
enum TimeText {
    /// Nanoseconds since 1970 as RFC 3339 with its fraction.
    static func moment(_ time: Int64) -> [UInt8] {
        var text = Timestamp.with(seconds: time / 1_000_000_000) { $0.array }
        text.removeLast()
        text += fraction(time % 1_000_000_000, digits: 9)
        text.append(0x5A)
        return text
    }

    /// "1.5ms": with the unit in which it is at least one.
    static func duration(_ time: Int64) -> [UInt8] {
        var text: [UInt8] = []
        func write(_ unit: Int64, _ digits: Int, _ name: StaticString) -> [UInt8] {
            Decimal.append(time / unit, to: &text)
            return text + fraction(time % unit, digits: digits) + Str(name).array
        }
        if time < 1_000 { return write(1, 0, "ns") }
        if time < 1_000_000 { return write(1_000, 3, "µs") }
        if time < 1_000_000_000 { return write(1_000_000, 6, "ms") }
        return write(1_000_000_000, 9, "s")
    }

    /// ".5", without zeros at the end; nothing when there is none.
    private static func fraction(_ value: Int64, digits: Int) -> [UInt8] {
        guard value > 0 else { return [] }
        var number: [UInt8] = []
        Decimal.append(value, to: &number)
        var text = [0x2E] + [UInt8](repeating: 0x30, count: digits - number.count) + number
        while text.last == 0x30 { text.removeLast() }
        return text
    }
}
