/// Wall-clock times as text.
public enum Timestamp {
    /// RFC 3339 in UTC with whole seconds ("2026-02-03T04:05:06Z"), as Dapr shows `ttlExpireTime`; always 20 bytes.
    /// Gives the text to `body`; valid during the call.
    public static func with<Result>(seconds: Int64, _ body: (Str) -> Result) -> Result {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { text in
            write(seconds: seconds, to: text.baseAddress!)
            return body(Str(UnsafeRawPointer(text.baseAddress!), 20))
        }
    }

    /// Writes the 20 bytes to `text`. The years 1970 to 9999.
    public static func write(seconds: Int64, to text: UnsafeMutablePointer<UInt8>) {
        let bounded = min(max(seconds, 0), 253_402_300_799)
        let days = bounded / 86_400, rest = bounded % 86_400
        // Days to a date of the Gregorian calendar, counted from 1 March of year 0 so that leap days come last.
        let shifted = days + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let month = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * month + 2) / 5 + 1
        let civilMonth = month < 10 ? month + 3 : month - 9
        let year = yearOfEra + era * 400 + (civilMonth <= 2 ? 1 : 0)
        func put(_ value: Int64, _ at: Int, _ width: Int, _ separator: UInt8) {
            var value = value, index = at + width - 1
            while index >= at {
                text[index] = UInt8(truncatingIfNeeded: value % 10) + 0x30
                value /= 10
                index -= 1
            }
            text[at + width] = separator
        }
        put(year, 0, 4, 0x2D)
        put(civilMonth, 5, 2, 0x2D)
        put(day, 8, 2, 0x54)
        put(rest / 3600, 11, 2, 0x3A)
        put(rest / 60 % 60, 14, 2, 0x3A)
        put(rest % 60, 17, 2, 0x5A)
    }
}
